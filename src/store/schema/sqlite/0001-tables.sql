-- Each table and column says what it is inside its own statement, so that `.schema` shows it. Every time is UTC in one
-- readable form, 2026-01-31T12:00:00.000Z: it sorts as text, and reading one costs less than a microsecond.

CREATE TABLE domain (
  -- A SIP domain that this server answers for.
  -- Number of the row; never used twice.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The host part of its addresses, in lower case: sip:101@name.
  name TEXT NOT NULL UNIQUE
    CHECK (length(name) BETWEEN 1 AND 253 AND name NOT GLOB '*[^0-9a-z._:-]*'),
  -- The digest realm (RFC 7616). Each stored credential is bound to it: change it only with new credentials.
  realm TEXT NOT NULL
    CHECK (length(realm) BETWEEN 1 AND 253 AND instr(realm, '"') = 0 AND instr(realm, '\') = 0),
  -- 1 for the one domain that also answers for every local address, 0 for the others.
  is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
  -- When the row was made.
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- When it was last changed; kept by a trigger.
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE UNIQUE INDEX domain_only_one_default ON domain (is_default) WHERE is_default = 1;

CREATE TABLE user (
  -- A person, room or device account: it owns extensions and credentials.
  -- Number of the row; never used twice.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Unique name. An extension is also found by the name of its user.
  name TEXT NOT NULL UNIQUE
    CHECK (length(name) BETWEEN 1 AND 64 AND name NOT GLOB '*[^0-9A-Za-z*#+._-]*'),
  -- Name for people to read; shown where the extension has none of its own.
  display_name TEXT NOT NULL DEFAULT '' CHECK (length(display_name) <= 128),
  -- active, or suspended: a suspended user neither registers nor calls.
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  -- When the row was made.
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- When it was last changed; kept by a trigger.
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE extension (
  -- A number in a domain, owned by a user. The row makes the number dialable, whatever its length.
  -- Number of the row; never used twice.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The domain that the number is in.
  domain_id INTEGER NOT NULL REFERENCES domain (id) ON DELETE RESTRICT,
  -- What one dials.
  number TEXT NOT NULL
    CHECK (length(number) BETWEEN 1 AND 64 AND number NOT GLOB '*[^0-9A-Za-z*#+._-]*'),
  -- The owner.
  user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE RESTRICT,
  -- Name shown to whom it calls; empty takes the user's.
  display_name TEXT NOT NULL DEFAULT '' CHECK (length(display_name) <= 128),
  -- Most contacts registered at once; NULL takes the setting max_bindings.
  max_bindings INTEGER CHECK (max_bindings BETWEEN 1 AND 100),
  -- When the row was made.
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- When it was last changed; kept by a trigger.
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  UNIQUE (domain_id, number)
) STRICT;

CREATE INDEX extension_by_user ON extension (user_id);

CREATE TABLE device (
  -- One phone of an extension. Deleting it revokes the credentials that are its own.
  -- Number of the row; never used twice.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The extension that it belongs to.
  extension_id INTEGER NOT NULL REFERENCES extension (id) ON DELETE CASCADE,
  -- What people call it: "desk", "mobile".
  label TEXT NOT NULL DEFAULT '' CHECK (length(label) <= 128),
  -- The instance that it registers with (+sip.instance, RFC 5626); empty when it sends none.
  instance TEXT NOT NULL DEFAULT '' CHECK (length(instance) <= 255),
  -- The User-Agent that it last registered with.
  user_agent TEXT NOT NULL DEFAULT '',
  -- When it last registered; NULL when it never has.
  last_seen_at TEXT,
  -- When the row was made.
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- When it was last changed; kept by a trigger.
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE INDEX device_by_extension ON device (extension_id);

CREATE TABLE credential (
  -- What a phone proves itself with: one row for each digest user name, realm and algorithm. Never a password.
  -- Number of the row; never used twice.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Who it proves.
  user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
  -- The device that alone may use it; NULL for every phone of the user.
  device_id INTEGER REFERENCES device (id) ON DELETE CASCADE,
  -- Digest user name: the extension's number, the user's name, or the device's id.
  username TEXT NOT NULL CHECK (length(username) BETWEEN 1 AND 128),
  -- The realm that ha1 was made with: the domain's.
  realm TEXT NOT NULL CHECK (length(realm) BETWEEN 1 AND 253),
  -- As it is named on the wire (RFC 8760).
  algorithm TEXT NOT NULL CHECK (algorithm IN ('MD5', 'SHA-256', 'SHA-512-256')),
  -- Hash of username:realm:password by that algorithm, in lower-case hex.
  ha1 TEXT NOT NULL
    CHECK (length(ha1) = CASE algorithm WHEN 'MD5' THEN 32 ELSE 64 END AND ha1 NOT GLOB '*[^0-9a-f]*'),
  -- When the row was made.
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- When it was last changed; kept by a trigger.
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  UNIQUE (username, realm, algorithm)
) STRICT;

CREATE INDEX credential_by_user ON credential (user_id);
CREATE INDEX credential_by_device ON credential (device_id) WHERE device_id IS NOT NULL;

CREATE TABLE binding (
  -- A registered contact (RFC 3261 section 10). Written by the server; a change by anyone else acts at its next start.
  -- Whose contact it is.
  extension_id INTEGER NOT NULL REFERENCES extension (id) ON DELETE CASCADE,
  -- The contact in the form that equal contacts share (RFC 3261 section 19.1.4).
  contact_key TEXT NOT NULL,
  -- The Contact URI as the phone wrote it.
  contact TEXT NOT NULL,
  -- Call-ID of the REGISTER that last refreshed it.
  call_id TEXT NOT NULL,
  -- Its CSeq: an older one changes nothing any more.
  cseq INTEGER NOT NULL CHECK (cseq BETWEEN 0 AND 4294967295),
  -- Preference among the contacts, 0 to 1: higher is tried first.
  q REAL NOT NULL CHECK (q BETWEEN 0 AND 1),
  -- When it ends unless it is refreshed.
  expires_at TEXT NOT NULL,
  -- When it was last registered or refreshed.
  registered_at TEXT NOT NULL,
  -- User-Agent of the phone; empty when it sent none.
  user_agent TEXT NOT NULL,
  -- +sip.instance (RFC 5626); empty when the phone sent none.
  instance TEXT NOT NULL,
  -- Path header values, outermost first (RFC 3327); empty when there were none.
  path TEXT NOT NULL,
  -- Where the REGISTER came from: udp:192.0.2.7:5060.
  source TEXT NOT NULL,
  -- The address of ours that it came to.
  local TEXT NOT NULL,
  -- 1 when the phone sits behind a NAT and is reached at source, 0 when at its contact.
  natted INTEGER NOT NULL CHECK (natted IN (0, 1)),
  PRIMARY KEY (extension_id, contact_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
  -- A site-wide setting that acts at once when it is changed.
  -- The names are the server's; one that it does not know is listed in config_problem.
  name TEXT PRIMARY KEY,
  -- A value that cannot be used is explained in config_problem, and the last good one goes on serving.
  value TEXT NOT NULL,
  -- What it does and what it may be.
  comment TEXT NOT NULL DEFAULT '',
  -- When the row was made.
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- When it was last changed; kept by a trigger.
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT, WITHOUT ROWID;

INSERT INTO setting (name, value, comment) VALUES
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

CREATE TABLE config_problem (
  -- Rows that cannot be used as they are, in words. Written by the server; empty when all is well.
  -- The table that the row is in.
  table_name TEXT NOT NULL,
  -- The row's own name in that table.
  key TEXT NOT NULL,
  -- What is wrong, what serves instead, and how to mend it.
  problem TEXT NOT NULL,
  -- When the server found it.
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  PRIMARY KEY (table_name, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE change_journal (
  -- What was changed, in order: the server follows it and forgets what it held of those rows. Filled by triggers.
  -- Order of the changes.
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The table that was changed.
  table_name TEXT NOT NULL,
  -- The record that is stale: name@domain for whatever makes up an extension, otherwise the row's own name.
  key TEXT NOT NULL,
  -- When it was changed.
  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE VIEW extension_name AS
  -- Every name that an extension is found by, as it stands in change_journal.key.
  SELECT e.id AS extension_id, e.user_id AS user_id, e.number || '@' || d.name AS key
    FROM extension e JOIN domain d ON d.id = e.domain_id
  UNION ALL
  SELECT e.id, e.user_id, u.name || '@' || d.name
    FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id
    WHERE u.name <> e.number;
