-- Calls, which server wrote what, and the views that front ends may rely on.

CREATE TABLE IF NOT EXISTS "call" (
  id VARCHAR(128) NOT NULL PRIMARY KEY COMMENT 'Unique name of the record.',
  call_id TEXT NOT NULL
    COMMENT 'Call-ID of its dialog (RFC 3261 section 8.1.1.4), for the log and for `sipwitches explain`.',
  domain VARCHAR(253) NOT NULL COMMENT 'The domain that the caller is in.',
  caller VARCHAR(64) NOT NULL COMMENT 'Number of the calling extension, proved by its credential.',
  caller_name VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'The caller''s name at that time; empty when it has none.',
  dialled TEXT NOT NULL COMMENT 'What was dialled: a number or user name of ours, otherwise the whole URI.',
  answered_by TEXT NOT NULL DEFAULT ('') COMMENT 'Contact of the phone that answered; empty when none did.',
  started_at DATETIME(3) NOT NULL COMMENT 'When the INVITE came.',
  ringing_at DATETIME(3) COMMENT 'When the first phone rang; NULL when none did.',
  answered_at DATETIME(3) COMMENT 'When it was answered with 2xx; NULL when it was not.',
  ended_at DATETIME(3)
    COMMENT 'When it ended: BYE, or a final answer. NULL while it lasts, and for good where no BYE was ever seen.',
  outcome VARCHAR(16) NOT NULL COMMENT 'answered; cancelled by the caller; or failed.'
    CHECK (outcome IN ('answered', 'cancelled', 'failed')),
  status INT NOT NULL COMMENT 'SIP status of the final answer to the INVITE.' CHECK (status BETWEEN 200 AND 699),
  reason TEXT NOT NULL DEFAULT ('') COMMENT 'Why it ended so, in words; empty when the status says it all.',
  KEY call_by_start (started_at),
  KEY call_by_call_id (call_id(255), ended_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'A call detail record: one row for each INVITE of an extension. Written by the server, never on a call''s path.';

CREATE TABLE IF NOT EXISTS node (
  name VARCHAR(128) NOT NULL PRIMARY KEY COMMENT 'Its name, made at its first start and kept in its data folder.',
  version VARCHAR(64) NOT NULL COMMENT 'The program''s version.',
  opened_at DATETIME(3) NOT NULL COMMENT 'When it last opened the database.'
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'A server that uses this database. Written by the server.';

INSERT IGNORE INTO setting (name, value, comment) VALUES
  ('call_keep_days', '365', 'How many days a call detail record is kept; 0 keeps all.');

-- A sighting of a device changes nothing that anyone holds of its extension: only a move to another one does, and a
-- credential of its own, which leaves its own mark.
DROP TRIGGER IF EXISTS device_inserted;
DROP TRIGGER IF EXISTS device_updated;
DROP TRIGGER IF EXISTS device_changed;

CREATE TRIGGER device_updated AFTER UPDATE ON device FOR EACH ROW
  IF @sipwitches_bulk IS NULL THEN
    INSERT INTO change_journal (table_name, "key")
      SELECT 'device', e.number || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id
        WHERE e.id IN (OLD.extension_id, NEW.extension_id) AND OLD.extension_id <> NEW.extension_id
      UNION
      SELECT 'device', u.name || '@' || d.name
        FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
        WHERE e.id IN (OLD.extension_id, NEW.extension_id) AND OLD.extension_id <> NEW.extension_id; END IF;

CREATE TRIGGER device_changed BEFORE UPDATE ON device FOR EACH ROW
  SET NEW.updated_at = CASE
    WHEN NEW.updated_at = OLD.updated_at AND (OLD.extension_id <> NEW.extension_id OR OLD.label <> NEW.label
      OR OLD.instance <> NEW.instance) THEN UTC_TIMESTAMP(3)
    ELSE NEW.updated_at END;

-- What no name, realm or hash can be is refused with a sentence; what an older row has keeps until it is changed.
-- The semicolon that ends such a statement is the one before a line that is not indented. Here each pattern is compiled
-- for each row, so an insert looks first with one for all columns whether there is anything wrong.

DROP TRIGGER IF EXISTS domain_insert_refused;
DROP TRIGGER IF EXISTS domain_update_refused;
DROP TRIGGER IF EXISTS user_insert_refused;
DROP TRIGGER IF EXISTS user_update_refused;
DROP TRIGGER IF EXISTS extension_insert_refused;
DROP TRIGGER IF EXISTS extension_update_refused;
DROP TRIGGER IF EXISTS credential_insert_refused;
DROP TRIGGER IF EXISTS credential_update_refused;

CREATE TRIGGER domain_insert_refused BEFORE INSERT ON domain FOR EACH ROW
  IF NEW.name = '' OR CASE instr(NEW.name, ':')
    WHEN 0 THEN NEW.name REGEXP '[^0-9a-z._-]|^[.-]|[.-]$|[.][.-]|-[.]'
    ELSE NEW.name REGEXP '[^0-9a-f:.]|:::|::.*::|^:[^:]|[^:]:$|^[^0-9a-f]*$'
      OR NEW.name NOT REGEXP ':.*:'
      OR NEW.name NOT REGEXP '::' AND NEW.name NOT REGEXP '^([^:]*:){6,7}[^:]*$' END
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'domain.name must be a host name or an address in lower case, such as example.com or 192.0.2.1';
  ELSEIF NEW.realm = '' OR NEW.realm REGEXP '[^ -~]' OR instr(NEW.realm, '"') > 0 OR instr(NEW.realm, '\\') > 0
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'domain.realm must be printable ASCII without " and backslash: take the name of the domain';
  END IF;

CREATE TRIGGER domain_update_refused BEFORE UPDATE ON domain FOR EACH ROW
  IF NOT (NEW.name <=> OLD.name) AND (
      NEW.name = '' OR CASE instr(NEW.name, ':')
      WHEN 0 THEN NEW.name REGEXP '[^0-9a-z._-]|^[.-]|[.-]$|[.][.-]|-[.]'
      ELSE NEW.name REGEXP '[^0-9a-f:.]|:::|::.*::|^:[^:]|[^:]:$|^[^0-9a-f]*$'
        OR NEW.name NOT REGEXP ':.*:'
        OR NEW.name NOT REGEXP '::' AND NEW.name NOT REGEXP '^([^:]*:){6,7}[^:]*$' END)
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'domain.name must be a host name or an address in lower case, such as example.com or 192.0.2.1';
  ELSEIF NOT (NEW.realm <=> OLD.realm) AND (
      NEW.realm = '' OR NEW.realm REGEXP '[^ -~]' OR instr(NEW.realm, '"') > 0 OR instr(NEW.realm, '\\') > 0)
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'domain.realm must be printable ASCII without " and backslash: take the name of the domain';
  END IF;

CREATE TRIGGER user_insert_refused BEFORE INSERT ON user FOR EACH ROW
  IF concat(NEW.name, '\n', NEW.display_name) NOT REGEXP
      '^[0-9A-Za-z*#+._-]*[0-9A-Za-z*#+][0-9A-Za-z*#+._-]*\\n[^\\x00-\\x1f\\x7f-\\x9f]*\\z' THEN
    IF NEW.name REGEXP '[^0-9A-Za-z*#+._-]' OR NEW.name NOT REGEXP '[0-9A-Za-z*#+]'
    THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
      'user.name must be 1 to 64 of 0-9 A-Z a-z * # + . _ - and not . _ - alone: take out what else is in it';
    ELSEIF NEW.display_name REGEXP '[\\x00-\\x1f\\x7f-\\x9f]'
    THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
      'user.display_name must be one line of 128 characters at most: take out line ends and control characters';
    END IF;
  END IF;

CREATE TRIGGER user_update_refused BEFORE UPDATE ON user FOR EACH ROW
  IF NOT (NEW.name <=> OLD.name) AND (
      NEW.name REGEXP '[^0-9A-Za-z*#+._-]' OR NEW.name NOT REGEXP '[0-9A-Za-z*#+]')
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'user.name must be 1 to 64 of 0-9 A-Z a-z * # + . _ - and not . _ - alone: take out what else is in it';
  ELSEIF NOT (NEW.display_name <=> OLD.display_name) AND (
      NEW.display_name REGEXP '[\\x00-\\x1f\\x7f-\\x9f]')
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'user.display_name must be one line of 128 characters at most: take out line ends and control characters';
  END IF;

CREATE TRIGGER extension_insert_refused BEFORE INSERT ON extension FOR EACH ROW
  IF concat(NEW.number, '\n', NEW.display_name) NOT REGEXP
      '^[0-9A-Za-z*#+._-]*[0-9A-Za-z*#+][0-9A-Za-z*#+._-]*\\n[^\\x00-\\x1f\\x7f-\\x9f]*\\z' THEN
    IF NEW.number REGEXP '[^0-9A-Za-z*#+._-]' OR NEW.number NOT REGEXP '[0-9A-Za-z*#+]'
    THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
      'extension.number must be 1 to 64 of 0-9 A-Z a-z * # + . _ - and not . _ - alone: take out what else is in it';
    ELSEIF NEW.display_name REGEXP '[\\x00-\\x1f\\x7f-\\x9f]'
    THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
      'extension.display_name must be one line of 128 characters at most: take out line ends and control characters';
    END IF;
  END IF;

CREATE TRIGGER extension_update_refused BEFORE UPDATE ON extension FOR EACH ROW
  IF NOT (NEW.number <=> OLD.number) AND (
      NEW.number REGEXP '[^0-9A-Za-z*#+._-]' OR NEW.number NOT REGEXP '[0-9A-Za-z*#+]')
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'extension.number must be 1 to 64 of 0-9 A-Z a-z * # + . _ - and not . _ - alone: take out what else is in it';
  ELSEIF NOT (NEW.display_name <=> OLD.display_name) AND (
      NEW.display_name REGEXP '[\\x00-\\x1f\\x7f-\\x9f]')
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'extension.display_name must be one line of 128 characters at most: take out line ends and control characters';
  END IF;

CREATE TRIGGER credential_insert_refused BEFORE INSERT ON credential FOR EACH ROW
  IF concat(NEW.username, '\n', NEW.realm, '\n', NEW.ha1) NOT REGEXP
      '^[ !#-\\[\\]-~]+\\n[ !#-\\[\\]-~]+\\n[0-9a-f]+\\z'
    OR char_length(NEW.ha1) <> CASE NEW.algorithm WHEN 'MD5' THEN 32 ELSE 64 END THEN
    IF NEW.username = '' OR instr(NEW.username, '"') > 0 OR instr(NEW.username, '\\') > 0
      OR NEW.username REGEXP '[\\x00-\\x1f\\x7f-\\x9f]'
    THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
      'credential.username must be without " and backslash and control characters: take the number or the name';
    ELSEIF NEW.realm = '' OR NEW.realm REGEXP '[^ -~]' OR instr(NEW.realm, '"') > 0 OR instr(NEW.realm, '\\') > 0
    THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
      'credential.realm must be printable ASCII without " and backslash: take the realm of the domain';
    ELSEIF char_length(NEW.ha1) <> CASE NEW.algorithm WHEN 'MD5' THEN 32 ELSE 64 END
      OR NEW.ha1 REGEXP '[^0-9a-f]'
    THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
      'credential.ha1 must be 32 (MD5) or 64 characters of 0-9 a-f: the hash of username:realm:password';
    END IF;
  END IF;

CREATE TRIGGER credential_update_refused BEFORE UPDATE ON credential FOR EACH ROW
  IF NOT (NEW.username <=> OLD.username) AND (
      NEW.username = '' OR instr(NEW.username, '"') > 0 OR instr(NEW.username, '\\') > 0
      OR NEW.username REGEXP '[\\x00-\\x1f\\x7f-\\x9f]')
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'credential.username must be without " and backslash and control characters: take the number or the name';
  ELSEIF NOT (NEW.realm <=> OLD.realm) AND (
      NEW.realm = '' OR NEW.realm REGEXP '[^ -~]' OR instr(NEW.realm, '"') > 0 OR instr(NEW.realm, '\\') > 0)
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'credential.realm must be printable ASCII without " and backslash: take the realm of the domain';
  ELSEIF NOT (NEW.ha1 <=> OLD.ha1 AND NEW.algorithm <=> OLD.algorithm) AND (
      char_length(NEW.ha1) <> CASE NEW.algorithm WHEN 'MD5' THEN 32 ELSE 64 END
      OR NEW.ha1 REGEXP '[^0-9a-f]')
  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
    'credential.ha1 must be 32 (MD5) or 64 characters of 0-9 a-f: the hash of username:realm:password';
  END IF;

INSERT IGNORE INTO setting (name, value, comment) VALUES
  ('spool_max_mb', '64',
    'Most megabytes of writes that wait on the server''s own disk while the database is away; more are refused.');

CREATE OR REPLACE VIEW v1_extension AS
  -- Every extension with its owner and how many of its phones are registered. Columns are only ever added.
  SELECT
      -- What one dials.
      e.number,
      -- Name of the domain that the number is in.
      d.name AS domain,
      -- The name shown to whom it calls: its own, otherwise its user's.
      CASE e.display_name WHEN '' THEN u.display_name ELSE e.display_name END AS display_name,
      -- Name of the owner.
      u.name AS user_name,
      -- active, or suspended: the owner's.
      u.status,
      -- How many contacts are registered and have not expired.
      (SELECT count(*) FROM binding b
        WHERE b.extension_id = e.id AND b.expires_at > UTC_TIMESTAMP(3)) AS contacts,
      -- When the extension was made.
      e.created_at,
      -- When its own row was last changed.
      e.updated_at
    FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id;

CREATE OR REPLACE VIEW v1_registration AS
  -- Every registered contact that has not expired. Columns are only ever added.
  SELECT
      -- The extension's number.
      e.number,
      -- Name of the domain that the number is in.
      d.name AS domain,
      -- The Contact URI as the phone wrote it.
      b.contact,
      -- User-Agent of the phone; empty when it sent none.
      b.user_agent,
      -- +sip.instance (RFC 5626); empty when the phone sent none.
      b.instance,
      -- Where it registered from: udp:192.0.2.7:5060.
      b.source,
      -- Preference among the contacts, 0 to 1: higher is tried first.
      b.q,
      -- When it was last registered or refreshed.
      b.registered_at,
      -- When it ends unless it is refreshed.
      b.expires_at
    FROM binding b JOIN extension e ON e.id = b.extension_id JOIN domain d ON d.id = e.domain_id
    WHERE b.expires_at > UTC_TIMESTAMP(3);

CREATE OR REPLACE VIEW v1_call AS
  -- Every call detail record, with how long they talked. Columns are only ever added.
  SELECT
      -- Unique name of the record.
      c.id,
      -- Call-ID of its dialog, for the log.
      c.call_id,
      -- The domain that the caller is in.
      c.domain,
      -- Number of the calling extension.
      c.caller,
      -- The caller's name at that time; empty when it has none.
      c.caller_name,
      -- What was dialled: a number or user name of ours, otherwise the whole URI.
      c.dialled,
      -- Contact of the phone that answered; empty when none did.
      c.answered_by,
      -- When the INVITE came.
      c.started_at,
      -- When the first phone rang; NULL when none did.
      c.ringing_at,
      -- When it was answered; NULL when it was not.
      c.answered_at,
      -- When it ended; NULL while it lasts, and for good where the server never saw the BYE.
      c.ended_at,
      -- answered; cancelled by the caller; or failed.
      c.outcome,
      -- SIP status of the final answer to the INVITE.
      c.status,
      -- Why it ended so, in words; empty when the status says it all.
      c.reason,
      -- From answer to end, in seconds; NULL when it was not answered or has not ended.
      CAST(round(timestampdiff(MICROSECOND, c.answered_at, c.ended_at) / 1000000) AS SIGNED) AS duration_s
    FROM "call" c;
