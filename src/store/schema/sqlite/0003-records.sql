-- Calls, which server wrote what, and the views that front ends may rely on.

CREATE TABLE call (
  -- A call detail record: one row for each INVITE of an extension. Written by the server, never on a call's path.
  -- Unique name of the record.
  id TEXT PRIMARY KEY,
  -- Call-ID of its dialog (RFC 3261 section 8.1.1.4), for the log and for `sipwitches explain`.
  call_id TEXT NOT NULL,
  -- The domain that the caller is in.
  domain TEXT NOT NULL,
  -- Number of the calling extension, proved by its credential.
  caller TEXT NOT NULL,
  -- The caller's name at that time; empty when it has none.
  caller_name TEXT NOT NULL DEFAULT '',
  -- What was dialled: a number or user name of ours, otherwise the whole URI.
  dialled TEXT NOT NULL,
  -- Contact of the phone that answered; empty when none did.
  answered_by TEXT NOT NULL DEFAULT '',
  -- When the INVITE came.
  started_at TEXT NOT NULL,
  -- When the first phone rang; NULL when none did.
  ringing_at TEXT,
  -- When it was answered with 2xx; NULL when it was not.
  answered_at TEXT,
  -- When it ended: BYE, or a final answer. NULL while it lasts, and for good where no BYE was ever seen.
  ended_at TEXT,
  -- answered; cancelled by the caller; or failed.
  outcome TEXT NOT NULL CHECK (outcome IN ('answered', 'cancelled', 'failed')),
  -- SIP status of the final answer to the INVITE.
  status INTEGER NOT NULL CHECK (status BETWEEN 200 AND 699),
  -- Why it ended so, in words; empty when the status says it all.
  reason TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE INDEX call_by_start ON call (started_at);
CREATE INDEX call_by_call_id ON call (call_id, ended_at);

INSERT OR IGNORE INTO setting (name, value, comment) VALUES
  ('call_keep_days', '365', 'How many days a call detail record is kept; 0 keeps all.');

CREATE TABLE node (
  -- A server that uses this database. Written by the server.
  -- Its name, made at its first start and kept in its data folder.
  name TEXT PRIMARY KEY,
  -- The program's version.
  version TEXT NOT NULL,
  -- When it last opened the database.
  opened_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A sighting of a device changes nothing that anyone holds of its extension: only a move to another one does, and a
-- credential of its own, which leaves its own mark.
DROP TRIGGER device_inserted;
DROP TRIGGER device_updated;

CREATE TRIGGER device_updated AFTER UPDATE OF extension_id ON device BEGIN
  INSERT INTO change_journal (table_name, key)
    SELECT 'device', n.key FROM extension_name n WHERE n.extension_id IN (OLD.extension_id, NEW.extension_id);
END;

CREATE TRIGGER device_changed AFTER UPDATE OF extension_id, label, instance ON device BEGIN
  UPDATE device SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    WHERE id = NEW.id AND updated_at = OLD.updated_at;
END;

-- What no name, realm or hash can be is refused with a sentence; what an older row has keeps until it is changed.
-- length() and GLOB end at a NUL: a CHECK made of them does not see what is behind it.

CREATE TRIGGER domain_insert_refused BEFORE INSERT ON domain BEGIN
  SELECT CASE
    WHEN NEW.name = '' OR length(NEW.name) > 253 OR instr(NEW.name, char(0)) > 0 OR CASE instr(NEW.name, ':')
      WHEN 0 THEN NEW.name GLOB '*[^0-9a-z._-]*' OR NEW.name GLOB '[.-]*' OR NEW.name GLOB '*[.-]'
        OR NEW.name GLOB '*.[.-]*' OR NEW.name GLOB '*-.*'
      ELSE NEW.name GLOB '*[^0-9a-f:.]*' OR NEW.name GLOB '*:::*' OR NEW.name GLOB '*::*::*' OR NEW.name GLOB ':[^:]*'
        OR NEW.name GLOB '*[^:]:' OR NEW.name NOT GLOB '*[0-9a-f]*' OR NEW.name NOT GLOB '*:*:*'
        OR NEW.name NOT GLOB '*::*' AND length(NEW.name) - length(replace(NEW.name, ':', '')) NOT IN (6, 7) END
    THEN RAISE(ABORT,
      'domain.name must be a host name or an address in lower case, such as example.com or 192.0.2.1')
    WHEN NEW.realm = '' OR length(NEW.realm) > 253 OR NEW.realm GLOB '*[^ -~]*' OR instr(NEW.realm, char(0)) > 0
      OR instr(NEW.realm, '"') > 0 OR instr(NEW.realm, '\') > 0
    THEN RAISE(ABORT,
      'domain.realm must be printable ASCII without " and backslash: take the name of the domain')
  END;
END;

CREATE TRIGGER domain_update_refused BEFORE UPDATE OF name, realm ON domain BEGIN
  SELECT CASE
    WHEN NEW.name IS NOT OLD.name AND (
        NEW.name = '' OR length(NEW.name) > 253 OR instr(NEW.name, char(0)) > 0 OR CASE instr(NEW.name, ':')
        WHEN 0 THEN NEW.name GLOB '*[^0-9a-z._-]*' OR NEW.name GLOB '[.-]*' OR NEW.name GLOB '*[.-]'
          OR NEW.name GLOB '*.[.-]*' OR NEW.name GLOB '*-.*'
        ELSE NEW.name GLOB '*[^0-9a-f:.]*' OR NEW.name GLOB '*:::*' OR NEW.name GLOB '*::*::*' OR NEW.name GLOB ':[^:]*'
          OR NEW.name GLOB '*[^:]:' OR NEW.name NOT GLOB '*[0-9a-f]*' OR NEW.name NOT GLOB '*:*:*'
          OR NEW.name NOT GLOB '*::*' AND length(NEW.name) - length(replace(NEW.name, ':', '')) NOT IN (6, 7) END)
    THEN RAISE(ABORT,
      'domain.name must be a host name or an address in lower case, such as example.com or 192.0.2.1')
    WHEN NEW.realm IS NOT OLD.realm AND (
        NEW.realm = '' OR length(NEW.realm) > 253 OR NEW.realm GLOB '*[^ -~]*' OR instr(NEW.realm, char(0)) > 0
        OR instr(NEW.realm, '"') > 0 OR instr(NEW.realm, '\') > 0)
    THEN RAISE(ABORT,
      'domain.realm must be printable ASCII without " and backslash: take the name of the domain')
  END;
END;

CREATE TRIGGER user_insert_refused BEFORE INSERT ON user BEGIN
  SELECT CASE
    WHEN NEW.name GLOB '*[^0-9A-Za-z*#+._-]*' OR NEW.name NOT GLOB '*[0-9A-Za-z*#+]*'
      OR length(NEW.name) > 64 OR instr(NEW.name, char(0)) > 0
    THEN RAISE(ABORT,
      'user.name must be 1 to 64 of 0-9 A-Z a-z * # + . _ - and not . _ - alone: take out what else is in it')
    WHEN length(NEW.display_name) > 128 OR instr(NEW.display_name, char(0)) > 0
      OR NEW.display_name GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || ']*'
    THEN RAISE(ABORT,
      'user.display_name must be one line of 128 characters at most: take out line ends and control characters')
  END;
END;

CREATE TRIGGER user_update_refused BEFORE UPDATE OF name, display_name ON user BEGIN
  SELECT CASE
    WHEN NEW.name IS NOT OLD.name AND (
        NEW.name GLOB '*[^0-9A-Za-z*#+._-]*' OR NEW.name NOT GLOB '*[0-9A-Za-z*#+]*'
        OR length(NEW.name) > 64 OR instr(NEW.name, char(0)) > 0)
    THEN RAISE(ABORT,
      'user.name must be 1 to 64 of 0-9 A-Z a-z * # + . _ - and not . _ - alone: take out what else is in it')
    WHEN NEW.display_name IS NOT OLD.display_name AND (
        length(NEW.display_name) > 128 OR instr(NEW.display_name, char(0)) > 0
        OR NEW.display_name GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || ']*')
    THEN RAISE(ABORT,
      'user.display_name must be one line of 128 characters at most: take out line ends and control characters')
  END;
END;

CREATE TRIGGER extension_insert_refused BEFORE INSERT ON extension BEGIN
  SELECT CASE
    WHEN NEW.number GLOB '*[^0-9A-Za-z*#+._-]*' OR NEW.number NOT GLOB '*[0-9A-Za-z*#+]*'
      OR length(NEW.number) > 64 OR instr(NEW.number, char(0)) > 0
    THEN RAISE(ABORT,
      'extension.number must be 1 to 64 of 0-9 A-Z a-z * # + . _ - and not . _ - alone: take out what else is in it')
    WHEN length(NEW.display_name) > 128 OR instr(NEW.display_name, char(0)) > 0
      OR NEW.display_name GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || ']*'
    THEN RAISE(ABORT,
      'extension.display_name must be one line of 128 characters at most: take out line ends and control characters')
  END;
END;

CREATE TRIGGER extension_update_refused BEFORE UPDATE OF number, display_name ON extension BEGIN
  SELECT CASE
    WHEN NEW.number IS NOT OLD.number AND (
        NEW.number GLOB '*[^0-9A-Za-z*#+._-]*' OR NEW.number NOT GLOB '*[0-9A-Za-z*#+]*'
        OR length(NEW.number) > 64 OR instr(NEW.number, char(0)) > 0)
    THEN RAISE(ABORT,
      'extension.number must be 1 to 64 of 0-9 A-Z a-z * # + . _ - and not . _ - alone: take out what else is in it')
    WHEN NEW.display_name IS NOT OLD.display_name AND (
        length(NEW.display_name) > 128 OR instr(NEW.display_name, char(0)) > 0
        OR NEW.display_name GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || ']*')
    THEN RAISE(ABORT,
      'extension.display_name must be one line of 128 characters at most: take out line ends and control characters')
  END;
END;

CREATE TRIGGER credential_insert_refused BEFORE INSERT ON credential BEGIN
  SELECT CASE
    WHEN NEW.username = '' OR length(NEW.username) > 128 OR instr(NEW.username, char(0)) > 0
      OR instr(NEW.username, '"') > 0 OR instr(NEW.username, '\') > 0
      OR NEW.username GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || ']*'
    THEN RAISE(ABORT,
      'credential.username must be without " and backslash and control characters: take the number or the name')
    WHEN NEW.realm = '' OR length(NEW.realm) > 253 OR NEW.realm GLOB '*[^ -~]*' OR instr(NEW.realm, char(0)) > 0
      OR instr(NEW.realm, '"') > 0 OR instr(NEW.realm, '\') > 0
    THEN RAISE(ABORT,
      'credential.realm must be printable ASCII without " and backslash: take the realm of the domain')
    WHEN length(NEW.ha1) <> CASE NEW.algorithm WHEN 'MD5' THEN 32 ELSE 64 END
      OR NEW.ha1 GLOB '*[^0-9a-f]*' OR instr(NEW.ha1, char(0)) > 0
    THEN RAISE(ABORT,
      'credential.ha1 must be 32 (MD5) or 64 characters of 0-9 a-f: the hash of username:realm:password')
  END;
END;

CREATE TRIGGER credential_update_refused BEFORE UPDATE OF username, realm, algorithm, ha1 ON credential BEGIN
  SELECT CASE
    WHEN NEW.username IS NOT OLD.username AND (
        NEW.username = '' OR length(NEW.username) > 128 OR instr(NEW.username, char(0)) > 0
        OR instr(NEW.username, '"') > 0 OR instr(NEW.username, '\') > 0
        OR NEW.username GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || ']*')
    THEN RAISE(ABORT,
      'credential.username must be without " and backslash and control characters: take the number or the name')
    WHEN NEW.realm IS NOT OLD.realm AND (
        NEW.realm = '' OR length(NEW.realm) > 253 OR NEW.realm GLOB '*[^ -~]*' OR instr(NEW.realm, char(0)) > 0
        OR instr(NEW.realm, '"') > 0 OR instr(NEW.realm, '\') > 0)
    THEN RAISE(ABORT,
      'credential.realm must be printable ASCII without " and backslash: take the realm of the domain')
    WHEN (NEW.ha1 IS NOT OLD.ha1 OR NEW.algorithm IS NOT OLD.algorithm) AND (
        length(NEW.ha1) <> CASE NEW.algorithm WHEN 'MD5' THEN 32 ELSE 64 END
        OR NEW.ha1 GLOB '*[^0-9a-f]*' OR instr(NEW.ha1, char(0)) > 0)
    THEN RAISE(ABORT,
      'credential.ha1 must be 32 (MD5) or 64 characters of 0-9 a-f: the hash of username:realm:password')
  END;
END;

INSERT INTO setting (name, value, comment) VALUES
  ('spool_max_mb', '64',
    'Most megabytes of writes that wait on the server''s own disk while the database is away; more are refused.');

CREATE VIEW v1_extension AS
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
        WHERE b.extension_id = e.id AND b.expires_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) AS contacts,
      -- When the extension was made.
      e.created_at,
      -- When its own row was last changed.
      e.updated_at
    FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id;

CREATE VIEW v1_registration AS
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
    WHERE b.expires_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now');

CREATE VIEW v1_call AS
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
      CAST(round((julianday(c.ended_at) - julianday(c.answered_at)) * 86400) AS INTEGER) AS duration_s
    FROM call c;
