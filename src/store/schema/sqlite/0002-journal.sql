-- Every change of configuration leaves its mark in change_journal in the same transaction, whoever makes it.
-- The same triggers keep updated_at: its WHERE ends the recursion for clients that allow recursive triggers.
-- A client may leave foreign keys unenforced (the sqlite3 shell does), so the triggers also carry out what goes with
-- its owner: an orphaned credential must not prove anybody.

CREATE TRIGGER domain_inserted AFTER INSERT ON domain BEGIN
  INSERT INTO change_journal (table_name, key) VALUES ('domain', NEW.name);
END;

CREATE TRIGGER domain_updated AFTER UPDATE ON domain BEGIN
  UPDATE domain SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    WHERE id = NEW.id AND updated_at = OLD.updated_at;
  INSERT INTO change_journal (table_name, key) VALUES ('domain', NEW.name);
END;

CREATE TRIGGER domain_deleted AFTER DELETE ON domain BEGIN
  INSERT INTO change_journal (table_name, key) VALUES ('domain', OLD.name);
END;

-- INSERT OR REPLACE deletes the old row without firing its delete trigger, so an insert marks that row too.
CREATE TRIGGER user_replaced BEFORE INSERT ON user BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'user', n.key FROM extension_name n WHERE n.user_id IN (NEW.id, (SELECT id FROM user WHERE name = NEW.name));
END;

CREATE TRIGGER user_inserted AFTER INSERT ON user BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'user', n.key FROM extension_name n WHERE n.user_id = NEW.id;
END;

CREATE TRIGGER user_updated AFTER UPDATE ON user BEGIN
  UPDATE user SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    WHERE id = NEW.id AND updated_at = OLD.updated_at;
  INSERT INTO change_journal (table_name, key)
    SELECT 'user', n.key FROM extension_name n WHERE n.user_id IN (OLD.id, NEW.id)
    UNION
    SELECT 'user', OLD.name || '@' || d.name
      FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id IN (OLD.id, NEW.id);
END;

CREATE TRIGGER user_deleted AFTER DELETE ON user BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'user', e.number || '@' || d.name
      FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id = OLD.id
    UNION
    SELECT 'user', OLD.name || '@' || d.name
      FROM extension e JOIN domain d ON d.id = e.domain_id WHERE e.user_id = OLD.id;
  DELETE FROM credential WHERE user_id = OLD.id;
END;

CREATE TRIGGER extension_replaced BEFORE INSERT ON extension BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'extension', n.key FROM extension_name n WHERE n.extension_id = NEW.id;
END;

CREATE TRIGGER extension_inserted AFTER INSERT ON extension BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'extension', n.key FROM extension_name n WHERE n.extension_id = NEW.id;
END;

CREATE TRIGGER extension_updated AFTER UPDATE ON extension BEGIN
  UPDATE extension SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    WHERE id = NEW.id AND updated_at = OLD.updated_at;
  INSERT INTO change_journal (table_name, key)
    SELECT 'extension', n.key FROM extension_name n WHERE n.extension_id = NEW.id
    UNION
    SELECT 'extension', OLD.number || '@' || d.name FROM domain d WHERE d.id = OLD.domain_id
    UNION
    SELECT 'extension', u.name || '@' || d.name
      FROM domain d JOIN user u ON u.id = OLD.user_id WHERE d.id = OLD.domain_id;
END;

CREATE TRIGGER extension_deleted AFTER DELETE ON extension BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'extension', OLD.number || '@' || d.name FROM domain d WHERE d.id = OLD.domain_id
    UNION
    SELECT 'extension', u.name || '@' || d.name
      FROM domain d JOIN user u ON u.id = OLD.user_id WHERE d.id = OLD.domain_id;
  DELETE FROM binding WHERE extension_id = OLD.id;
  DELETE FROM device WHERE extension_id = OLD.id;
END;

CREATE TRIGGER device_inserted AFTER INSERT ON device BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'device', n.key FROM extension_name n WHERE n.extension_id = NEW.extension_id;
END;

CREATE TRIGGER device_updated AFTER UPDATE ON device BEGIN
  UPDATE device SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    WHERE id = NEW.id AND updated_at = OLD.updated_at;
  INSERT INTO change_journal (table_name, key)
    SELECT 'device', n.key FROM extension_name n WHERE n.extension_id IN (OLD.extension_id, NEW.extension_id);
END;

CREATE TRIGGER device_deleted AFTER DELETE ON device BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'device', n.key FROM extension_name n WHERE n.extension_id = OLD.extension_id;
  DELETE FROM credential WHERE device_id = OLD.id;
END;

CREATE TRIGGER credential_replaced BEFORE INSERT ON credential BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'credential', n.key FROM extension_name n WHERE n.user_id IN (
      SELECT user_id FROM credential
        WHERE id = NEW.id OR (username = NEW.username AND realm = NEW.realm AND algorithm = NEW.algorithm));
END;

CREATE TRIGGER credential_inserted AFTER INSERT ON credential BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'credential', n.key FROM extension_name n WHERE n.user_id = NEW.user_id;
END;

CREATE TRIGGER credential_updated AFTER UPDATE ON credential BEGIN
  UPDATE credential SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    WHERE id = NEW.id AND updated_at = OLD.updated_at;
  INSERT INTO change_journal (table_name, key)
    SELECT 'credential', n.key FROM extension_name n WHERE n.user_id IN (OLD.user_id, NEW.user_id);
END;

CREATE TRIGGER credential_deleted AFTER DELETE ON credential BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'credential', n.key FROM extension_name n WHERE n.user_id = OLD.user_id;
END;

CREATE TRIGGER setting_inserted AFTER INSERT ON setting BEGIN
  INSERT INTO change_journal (table_name, key) VALUES ('setting', NEW.name);
END;

CREATE TRIGGER setting_updated AFTER UPDATE ON setting BEGIN
  UPDATE setting SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    WHERE name = NEW.name AND updated_at = OLD.updated_at;
  INSERT INTO change_journal (table_name, key) VALUES ('setting', NEW.name);
END;

CREATE TRIGGER setting_deleted AFTER DELETE ON setting BEGIN
  INSERT INTO change_journal (table_name, key) VALUES ('setting', OLD.name);
END;
