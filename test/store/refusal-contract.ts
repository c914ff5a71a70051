// Text that no name, realm or hash can be, on each database: a part of the contract of stores.

import { describe, expect, test } from 'bun:test'
import type { TestDatabase } from './contract.ts'

const NUL = '\0'
const CONTROLS = [NUL, '\n', '\r\nX: y', '\t', '\x1b[2J', '\x7f', '\x85', '\x9b']
const MD5 = '0'.repeat(32)

interface Column {
  readonly refused: readonly string[]
  readonly taken: readonly string[]
  /** A row that has it, and the row of ROWS that gets it. */
  readonly insert: (value: string) => string
  readonly where: string
}

const name: Pick<Column, 'refused' | 'taken'> = {
  refused: [
    ...CONTROLS.map((text) => `1${text}`),
    '',
    '.',
    '..',
    '-',
    '_.-',
    '1 2',
    'a"b',
    'a@b',
    'ü',
    '1\r',
    '１',
  ],
  taken: ['1', '*', '#1', '+4930', 'A.b-c_d', '.1', '7'.repeat(64)],
}

const display: Pick<Column, 'refused' | 'taken'> = {
  refused: CONTROLS.flatMap((text) => [`Ann${text}Smith`, text]),
  taken: ['', 'Ann "the\\boss" <x>; 電話 🧙‍♀️ é', 'é'.repeat(128)],
}

const realm: Pick<Column, 'refused' | 'taken'> = {
  refused: [...CONTROLS.map((text) => `a${text}b`), '', 'a"b', 'a\\b', 'bücher.example', 'a\u2028b'],
  taken: ['a', 'Office, 2nd floor!', '~ []'],
}

const credential = (column: string) => (value: string) => {
  const values = { username: `'x'`, realm: `'r'`, ha1: `'${MD5}'`, [column]: value }
  return `INSERT INTO credential (user_id, username, realm, algorithm, ha1)
    VALUES (1, ${values.username}, ${values.realm}, 'MD5', ${values.ha1})`
}

const COLUMNS: Readonly<Record<string, Column>> = {
  'domain.name': {
    refused: [
      ...CONTROLS.map((text) => `a${text}`),
      ...[
        '',
        '.',
        '..',
        'a..b',
        '.a',
        'a.',
        '-a',
        'a-',
        'a.-b',
        'a-.b',
        'A.example',
        'a b',
        'a@b',
        'bücher.example',
      ],
      ...[
        ':',
        '::',
        ':::',
        '1:::2',
        '::1::',
        'a:b',
        '1:2:3',
        ':1:2:3:4:5:6:7',
        '1:2:3:4:5:6:7:',
        'g::1',
        '[::1]',
      ],
    ],
    taken: [
      'a',
      'a-b.c_d.example',
      '192.0.2.1',
      '::1',
      '2001:db8::7',
      '1:2:3:4:5:6:7:8',
      '::ffff:192.0.2.1',
      'fe80::',
    ],
    insert: (value) => `INSERT INTO domain (name, realm) VALUES (${value}, 'r')`,
    where: 'id = 1',
  },
  'domain.realm': {
    ...realm,
    insert: (value) => `INSERT INTO domain (name, realm) VALUES ('new.example', ${value})`,
    where: 'id = 1',
  },
  'user.name': {
    ...name,
    insert: (value) => `INSERT INTO user (name) VALUES (${value})`,
    where: 'id = 1',
  },
  'user.display_name': {
    ...display,
    insert: (value) => `INSERT INTO user (name, display_name) VALUES ('new', ${value})`,
    where: 'id = 1',
  },
  'extension.number': {
    ...name,
    insert: (value) => `INSERT INTO extension (domain_id, number, user_id) VALUES (1, ${value}, 1)`,
    where: 'id = 1',
  },
  'extension.display_name': {
    ...display,
    insert: (value) =>
      `INSERT INTO extension (domain_id, number, user_id, display_name) VALUES (1, '9', 1, ${value})`,
    where: 'id = 1',
  },
  'credential.username': {
    refused: [...CONTROLS.map((text) => `a${text}b`), '', 'a"b', 'a\\b'],
    taken: ['103', 'désk phone', 'a@b'],
    insert: credential('username'),
    where: 'id = 1',
  },
  'credential.realm': { ...realm, insert: credential('realm'), where: 'id = 1' },
  'credential.ha1': {
    refused: [`${MD5}${NUL}`, `${MD5.slice(1)}${NUL}`, MD5.slice(1), `${MD5.slice(1)}A`, `${MD5.slice(1)}\n`],
    taken: [MD5, 'f'.repeat(32)],
    insert: credential('ha1'),
    where: 'id = 1',
  },
}

/** Any text, in SQL that every dialect reads. */
function literal(text: string): string {
  return `CAST(X'${Buffer.from(text, 'utf8').toString('hex')}' AS CHAR)`
}

/** `database` holds ROWS. */
export function refusalContract(dialect: string, database: () => TestDatabase): void {
  async function refusal(sql: string): Promise<string> {
    return await database()
      .rows(sql)
      .then(
        () => 'it was taken',
        (error) => (error instanceof TypeError ? 'it was taken' : String(error)),
      )
  }

  describe.each(Object.entries(COLUMNS))(`${dialect}: %s`, (column, { refused, taken, insert, where }) => {
    const [table = '', field = ''] = column.split('.')

    test('refuses what makes no sense, with a sentence', async () => {
      for (const text of refused) {
        for (const sql of [
          insert(literal(text)),
          `UPDATE ${table} SET ${field} = ${literal(text)} WHERE ${where}`,
          insert(literal(text)).replace('INSERT', 'REPLACE'),
        ]) {
          expect([text, sql, await refusal(sql)]).toEqual([
            text,
            sql,
            expect.stringContaining(`${column} must be `),
          ])
        }
      }
    })

    test('takes what does', async () => {
      for (const text of taken) {
        await database().execute(`UPDATE ${table} SET ${field} = ${literal(text)} WHERE ${where}`)
        const rows = await database().rows(`SELECT ${field} AS found FROM ${table} WHERE ${where}`)
        expect(rows).toEqual([{ found: text }])
      }
    })
  })
}
