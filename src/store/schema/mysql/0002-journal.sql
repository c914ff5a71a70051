-- Every change of configuration leaves its mark in change_journal in the same transaction, whoever makes it.
-- The same triggers keep updated_at. REPLACE fires the triggers of the row that it deletes; what a foreign key deletes
-- along with its owner fires none, so the owner's trigger marks that too. The view extension_name is not used here: a
-- view with a UNION is made whole each time, which makes an import of many rows take for ever.
-- A session that sets @sipwitches_bulk leaves no marks of its own, which makes it five times as fast with very many
-- rows: it must write one mark for all of them, with a key that names no record, in the same transaction.

DROP TRIGGER IF EXISTS domain_changed;
DROP TRIGGER IF EXISTS domain_inserted;
DROP TRIGGER IF EXISTS domain_updated;
DROP TRIGGER IF EXISTS domain_deleted;
DROP TRIGGER IF EXISTS user_changed;
DROP TRIGGER IF EXISTS user_inserted;
DROP TRIGGER IF EXISTS user_updated;
DROP TRIGGER IF EXISTS user_deleted;
DROP TRIGGER IF EXISTS extension_changed;
DROP TRIGGER IF EXISTS extension_inserted;
DROP TRIGGER IF EXISTS extension_updated;
DROP TRIGGER IF EXISTS extension_deleted;
DROP TRIGGER IF EXISTS device_inserted;
DROP TRIGGER IF EXISTS device_updated;
DROP TRIGGER IF EXISTS device_deleted;
DROP TRIGGER IF EXISTS credential_changed;
DROP TRIGGER IF EXISTS credential_inserted;
DROP TRIGGER IF EXISTS credential_updated;
DROP TRIGGER IF EXISTS credential_deleted;
DROP TRIGGER IF EXISTS setting_changed;
DROP TRIGGER IF EXISTS setting_inserted;
DROP TRIGGER IF EXISTS setting_updated;
DROP TRIGGER IF EXISTS setting_deleted;

CREATE TRIGGER domain_changed BEFORE UPDATE ON domain FOR EACH ROW
  SET NEW.updated_at = CASE NEW.updated_at WHEN OLD.updated_at THEN UTC_TIMESTAMP(3) ELSE NEW.updated_at END;

CREATE TRIGGER domain_inserted AFTER INSERT ON domain FOR EACH ROW
  INSERT INTO change_journal (table_name, "key") VALUES ('domain', NEW.name);

CREATE TRIGGER domain_updated AFTER UPDATE ON domain FOR EACH ROW
  INSERT INTO change_journal (table_name, "key") VALUES ('domain', NEW.name);

CREATE TRIGGER domain_deleted AFTER DELETE ON domain FOR EACH ROW
  INSERT INTO change_journal (table_name, "key") VALUES ('domain', OLD.name);

CREATE TRIGGER user_changed BEFORE UPDATE ON user FOR EACH ROW
  SET NEW.updated_at = CASE NEW.updated_at WHEN OLD.updated_at THEN UTC_TIMESTAMP(3) ELSE NEW.updated_at END;

CREATE TRIGGER user_inserted AFTER INSERT ON user FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'user', e.number || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id = NEW.id
      UNION
      SELECT 'user', u.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
        WHERE e.user_id = NEW.id; END IF;

CREATE TRIGGER user_updated AFTER UPDATE ON user FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'user', e.number || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id IN (OLD.id, NEW.id)
      UNION
      SELECT 'user', u.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
        WHERE e.user_id IN (OLD.id, NEW.id)
      UNION
      SELECT 'user', OLD.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id IN (OLD.id, NEW.id); END IF;

CREATE TRIGGER user_deleted AFTER DELETE ON user FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'user', e.number || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id = OLD.id
      UNION
      SELECT 'user', OLD.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id = OLD.id; END IF;

CREATE TRIGGER extension_changed BEFORE UPDATE ON extension FOR EACH ROW
  SET NEW.updated_at = CASE NEW.updated_at WHEN OLD.updated_at THEN UTC_TIMESTAMP(3) ELSE NEW.updated_at END;

CREATE TRIGGER extension_inserted AFTER INSERT ON extension FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'extension', e.number || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.id = NEW.id
      UNION
      SELECT 'extension', u.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
        WHERE e.id = NEW.id; END IF;

CREATE TRIGGER extension_updated AFTER UPDATE ON extension FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'extension', e.number || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.id = NEW.id
      UNION
      SELECT 'extension', u.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
        WHERE e.id = NEW.id
      UNION
      SELECT 'extension', OLD.number || '@' || d.name FROM domain d WHERE d.id = OLD.domain_id
      UNION
      SELECT 'extension', u.name || '@' || d.name
        FROM domain d JOIN user u ON u.id = OLD.user_id WHERE d.id = OLD.domain_id; END IF;

CREATE TRIGGER extension_deleted AFTER DELETE ON extension FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'extension', OLD.number || '@' || d.name FROM domain d WHERE d.id = OLD.domain_id
      UNION
      SELECT 'extension', u.name || '@' || d.name
        FROM domain d JOIN user u ON u.id = OLD.user_id WHERE d.id = OLD.domain_id; END IF;

CREATE TRIGGER device_deleted AFTER DELETE ON device FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'device', e.number || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.id = OLD.extension_id
      UNION
      SELECT 'device', u.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
        WHERE e.id = OLD.extension_id; END IF;

CREATE TRIGGER credential_changed BEFORE UPDATE ON credential FOR EACH ROW
  SET NEW.updated_at = CASE NEW.updated_at WHEN OLD.updated_at THEN UTC_TIMESTAMP(3) ELSE NEW.updated_at END;

CREATE TRIGGER credential_inserted AFTER INSERT ON credential FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'credential', e.number || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id = NEW.user_id
      UNION
      SELECT 'credential', u.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
        WHERE e.user_id = NEW.user_id; END IF;

CREATE TRIGGER credential_updated AFTER UPDATE ON credential FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'credential', e.number || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id IN (OLD.user_id, NEW.user_id)
      UNION
      SELECT 'credential', u.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
        WHERE e.user_id IN (OLD.user_id, NEW.user_id); END IF;

CREATE TRIGGER credential_deleted AFTER DELETE ON credential FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'credential', e.number || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id = OLD.user_id
      UNION
      SELECT 'credential', u.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
        WHERE e.user_id = OLD.user_id; END IF;

CREATE TRIGGER setting_changed BEFORE UPDATE ON setting FOR EACH ROW
  SET NEW.updated_at = CASE NEW.updated_at WHEN OLD.updated_at THEN UTC_TIMESTAMP(3) ELSE NEW.updated_at END;

CREATE TRIGGER setting_inserted AFTER INSERT ON setting FOR EACH ROW
  INSERT INTO change_journal (table_name, "key") VALUES ('setting', NEW.name);

CREATE TRIGGER setting_updated AFTER UPDATE ON setting FOR EACH ROW
  INSERT INTO change_journal (table_name, "key") VALUES ('setting', NEW.name);

CREATE TRIGGER setting_deleted AFTER DELETE ON setting FOR EACH ROW
  INSERT INTO change_journal (table_name, "key") VALUES ('setting', OLD.name);
