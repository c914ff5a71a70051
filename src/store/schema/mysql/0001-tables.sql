-- The same tables as in SQLite, each with its comments, which SHOW CREATE TABLE shows. Every time is UTC, whatever the
-- time zone of the server or of a session. Names are compared letter by letter (utf8mb4_bin), by every client.
-- A statement ends where a line ends with a semicolon. Each may be run again: DDL is not transactional here, and a
-- server that died in the middle leaves a part of it.

CREATE TABLE IF NOT EXISTS domain (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'Number of the row; never used twice.',
  name VARCHAR(253) NOT NULL UNIQUE COMMENT 'The host part of its addresses, in lower case: sip:101@name.'
    CHECK (name <> '' AND name NOT REGEXP '[^0-9a-z._:-]'),
  realm VARCHAR(253) NOT NULL
    COMMENT 'The digest realm (RFC 7616). Each stored credential is bound to it: change it only with new credentials.'
    CHECK (realm <> '' AND instr(realm, '"') = 0 AND instr(realm, '\\') = 0),
  is_default TINYINT NOT NULL DEFAULT 0
    COMMENT '1 for the one domain that also answers for every local address, 0 for the others.'
    CHECK (is_default IN (0, 1)),
  created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When the row was made.',
  updated_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When it was last changed; kept by a trigger.',
  default_mark TINYINT GENERATED ALWAYS AS (CASE is_default WHEN 1 THEN 1 END) STORED
    COMMENT 'Kept by the database: no two rows may have the same one, so that there is one default.',
  UNIQUE KEY domain_only_one_default (default_mark)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'A SIP domain that this server answers for.';

CREATE TABLE IF NOT EXISTS user (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'Number of the row; never used twice.',
  name VARCHAR(64) NOT NULL UNIQUE COMMENT 'Unique name. An extension is also found by the name of its user.'
    CHECK (name <> '' AND name NOT REGEXP '[^0-9A-Za-z*#+._-]'),
  display_name VARCHAR(128) NOT NULL DEFAULT ''
    COMMENT 'Name for people to read; shown where the extension has none of its own.',
  status VARCHAR(16) NOT NULL DEFAULT 'active'
    COMMENT 'active, or suspended: a suspended user neither registers nor calls.'
    CHECK (status IN ('active', 'suspended')),
  created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When the row was made.',
  updated_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When it was last changed; kept by a trigger.'
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'A person, room or device account: it owns extensions and credentials.';

CREATE TABLE IF NOT EXISTS extension (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'Number of the row; never used twice.',
  domain_id BIGINT NOT NULL COMMENT 'The domain that the number is in.',
  number VARCHAR(64) NOT NULL COMMENT 'What one dials.'
    CHECK (number <> '' AND number NOT REGEXP '[^0-9A-Za-z*#+._-]'),
  user_id BIGINT NOT NULL COMMENT 'The owner.',
  display_name VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'Name shown to whom it calls; empty takes the user''s.',
  max_bindings INT COMMENT 'Most contacts registered at once; NULL takes the setting max_bindings.'
    CHECK (max_bindings BETWEEN 1 AND 100),
  created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When the row was made.',
  updated_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When it was last changed; kept by a trigger.',
  UNIQUE (domain_id, number),
  KEY extension_by_user (user_id),
  FOREIGN KEY (domain_id) REFERENCES domain (id) ON DELETE RESTRICT,
  FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE RESTRICT
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'A number in a domain, owned by a user. The row makes the number dialable, whatever its length.';

CREATE TABLE IF NOT EXISTS device (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'Number of the row; never used twice.',
  extension_id BIGINT NOT NULL COMMENT 'The extension that it belongs to.',
  label VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'What people call it: "desk", "mobile".',
  instance VARCHAR(255) NOT NULL DEFAULT ''
    COMMENT 'The instance that it registers with (+sip.instance, RFC 5626); empty when it sends none.',
  user_agent TEXT NOT NULL DEFAULT ('') COMMENT 'The User-Agent that it last registered with.',
  last_seen_at DATETIME(3) COMMENT 'When it last registered; NULL when it never has.',
  created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When the row was made.',
  updated_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When it was last changed; kept by a trigger.',
  KEY device_by_extension (extension_id),
  FOREIGN KEY (extension_id) REFERENCES extension (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'One phone of an extension. Deleting it revokes the credentials that are its own.';

CREATE TABLE IF NOT EXISTS credential (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'Number of the row; never used twice.',
  user_id BIGINT NOT NULL COMMENT 'Who it proves.',
  device_id BIGINT COMMENT 'The device that alone may use it; NULL for every phone of the user.',
  username VARCHAR(128) NOT NULL
    COMMENT 'Digest user name: the extension''s number, the user''s name, or the device''s id.'
    CHECK (username <> ''),
  realm VARCHAR(253) NOT NULL COMMENT 'The realm that ha1 was made with: the domain''s.' CHECK (realm <> ''),
  algorithm VARCHAR(16) NOT NULL COMMENT 'As it is named on the wire (RFC 8760).'
    CHECK (algorithm IN ('MD5', 'SHA-256', 'SHA-512-256')),
  ha1 VARCHAR(64) NOT NULL COMMENT 'Hash of username:realm:password by that algorithm, in lower-case hex.'
    CHECK (ha1 NOT REGEXP '[^0-9a-f]'),
  created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When the row was made.',
  updated_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When it was last changed; kept by a trigger.',
  UNIQUE (username, realm, algorithm),
  KEY credential_by_user (user_id),
  KEY credential_by_device (device_id),
  CHECK (char_length(ha1) = CASE algorithm WHEN 'MD5' THEN 32 ELSE 64 END),
  FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE,
  FOREIGN KEY (device_id) REFERENCES device (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'What a phone proves itself with: one row for each digest user name, realm and algorithm. Never a password.';

CREATE TABLE IF NOT EXISTS binding (
  extension_id BIGINT NOT NULL COMMENT 'Whose contact it is.',
  contact_key VARCHAR(700) NOT NULL
    COMMENT 'The contact in the form that equal contacts share (RFC 3261 section 19.1.4).',
  contact TEXT NOT NULL COMMENT 'The Contact URI as the phone wrote it.',
  call_id TEXT NOT NULL COMMENT 'Call-ID of the REGISTER that last refreshed it.',
  cseq BIGINT NOT NULL COMMENT 'Its CSeq: an older one changes nothing any more.'
    CHECK (cseq BETWEEN 0 AND 4294967295),
  q DOUBLE NOT NULL COMMENT 'Preference among the contacts, 0 to 1: higher is tried first.' CHECK (q BETWEEN 0 AND 1),
  expires_at DATETIME(3) NOT NULL COMMENT 'When it ends unless it is refreshed.',
  registered_at DATETIME(3) NOT NULL COMMENT 'When it was last registered or refreshed.',
  user_agent TEXT NOT NULL COMMENT 'User-Agent of the phone; empty when it sent none.',
  instance TEXT NOT NULL COMMENT '+sip.instance (RFC 5626); empty when the phone sent none.',
  path TEXT NOT NULL COMMENT 'Path header values, outermost first (RFC 3327); empty when there were none.',
  source TEXT NOT NULL COMMENT 'Where the REGISTER came from: udp:192.0.2.7:5060.',
  local TEXT NOT NULL COMMENT 'The address of ours that it came to.',
  natted TINYINT NOT NULL
    COMMENT '1 when the phone sits behind a NAT and is reached at source, 0 when at its contact.'
    CHECK (natted IN (0, 1)),
  PRIMARY KEY (extension_id, contact_key),
  FOREIGN KEY (extension_id) REFERENCES extension (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'A registered contact (RFC 3261 section 10). Written by the server; a change by anyone else acts at its next start.';

CREATE TABLE IF NOT EXISTS setting (
  name VARCHAR(64) NOT NULL PRIMARY KEY
    COMMENT 'The names are the server''s; one that it does not know is listed in config_problem.',
  value TEXT NOT NULL
    COMMENT 'A value that cannot be used is explained in config_problem, and the last good one goes on serving.',
  comment TEXT NOT NULL DEFAULT ('') COMMENT 'What it does and what it may be.',
  created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When the row was made.',
  updated_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When it was last changed; kept by a trigger.'
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'A site-wide setting that acts at once when it is changed.';

CREATE TABLE IF NOT EXISTS config_problem (
  table_name VARCHAR(64) NOT NULL COMMENT 'The table that the row is in.',
  "key" VARCHAR(320) NOT NULL COMMENT 'The row''s own name in that table.',
  problem TEXT NOT NULL COMMENT 'What is wrong, what serves instead, and how to mend it.',
  created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When the server found it.',
  PRIMARY KEY (table_name, "key")
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'Rows that cannot be used as they are, in words. Written by the server; empty when all is well.';

CREATE TABLE IF NOT EXISTS change_journal (
  seq BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'Order of the changes.',
  table_name VARCHAR(64) NOT NULL COMMENT 'The table that was changed.',
  "key" VARCHAR(320) NOT NULL
    COMMENT 'The record that is stale: name@domain for whatever makes up an extension, otherwise the row''s own name.',
  at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When it was changed.'
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT
  'What was changed, in order: the server follows it and forgets what it held of those rows. Filled by triggers.';

INSERT IGNORE INTO setting (name, value, comment) VALUES
  ('auth_algorithms', 'SHA-256,MD5',
    'Digest algorithms offered in a challenge, the preferred one first, from: SHA-512-256, SHA-256, MD5.'),
  ('expires_min_s', '60', 'Shortest registration in seconds; a shorter one is answered with 423 Interval Too Brief.'),
  ('expires_max_s', '3600', 'Longest registration in seconds; a longer one is shortened to this.'),
  ('expires_default_s', '3600', 'Registration in seconds where the phone names none.'),
  ('max_bindings', '10', 'Most contacts of one extension at once, where its row names no number of its own.'),
  ('nonce_lifetime_s', '300', 'How long a digest nonce may be used, in seconds.'),
  ('timer_c_s', '185',
    'How long a call may ring, in seconds (timer C; RFC 3261 section 16.6 asks for more than 180).'),
  ('stranger_methods', 'OPTIONS',
    'Methods that a sender who is no extension of ours may send to our extensions without proof; empty for none.');

CREATE OR REPLACE VIEW extension_name AS
  -- Every name that an extension is found by, as it stands in change_journal.key.
  SELECT e.id AS extension_id, e.user_id AS user_id, e.number || '@' || d.name AS "key"
    FROM extension e JOIN domain d ON d.id = e.domain_id
  UNION ALL
  SELECT e.id, e.user_id, u.name || '@' || d.name
    FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
    WHERE u.name <> e.number;
