// Bindings and rows that the tests of the store begin with.

import type { BindingChange, BindingRecord } from '../../src/store/store.ts'

export function binding(
  extensionId: number,
  user: string,
  changed: Partial<BindingRecord> = {},
): BindingRecord {
  return {
    extensionId,
    contact: `<sip:${user}@192.0.2.7:5071;transport=udp>`,
    contactKey: `sip:${user}@192.0.2.7:5071`,
    callId: 'a84b4c76e66710@192.0.2.7',
    cseq: 4294967295,
    priority: 700,
    expiresAt: Date.UTC(2030, 0, 1, 12, 0, 0, 123),
    registeredAt: Date.UTC(2030, 0, 1, 11),
    userAgent: 'Ein "Telefon" – 電話 1.0',
    instance: '<urn:uuid:00000000-0000-1000-8000-000a95a0e128>',
    path: '<sip:edge.example.com;lr>, <sip:inner.example.com;lr>',
    source: 'udp:192.0.2.7:5071',
    local: 'udp:192.0.2.1:5060',
    natted: true,
    ...changed,
  }
}

export function save(record: BindingRecord): BindingChange {
  return { kind: 'save', binding: record }
}

export function remove({ extensionId, contactKey }: BindingRecord): BindingChange {
  return { kind: 'remove', extensionId, contactKey }
}

/** A domain with ann, who owns 103 and 104, and bob, who owns 105. */
export const ROWS = `
  INSERT INTO domain (name, realm, is_default) VALUES ('example.com', 'example.com', 1);
  INSERT INTO user (name, display_name) VALUES ('ann', 'Ann Smith'), ('bob', '');
  INSERT INTO extension (domain_id, number, user_id, display_name) VALUES
    (1, '103', 1, ''), (1, '104', 1, 'Door'), (1, '105', 2, '');
  INSERT INTO credential (user_id, username, realm, algorithm, ha1) VALUES
    (1, '103', 'example.com', 'MD5', '0123456789abcdef0123456789abcdef'),
    (1, 'ann', 'example.com', 'MD5', 'fedcba9876543210fedcba9876543210');
`
