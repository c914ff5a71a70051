-- What is written of registrations and calls.

INSERT IGNORE INTO setting (name, value, comment) VALUES
  ('registration_storage', 'durable',
    'durable: a registration is committed before its 200 leaves. memory: it is not written, and a restart forgets it.'),
  ('call_records', 'all', 'all: each call leaves a record in the table call. none: calls leave none.');
