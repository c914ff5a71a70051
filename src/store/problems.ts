// Rows that SQL cannot refuse and that make no sense: what is wrong, what serves instead, how to mend it. The
// statements are the same for every database: they name plain columns, and the sentences are made here.

import { LIMITS } from '../config.ts'

export interface RowProblem {
  readonly table: string
  /** The row's own name in its table; with '...' in front what the last row of a kind counts. */
  readonly key: string
  readonly problem: string
}

/** Runs one SELECT. */
export type Select = (
  sql: string,
  values: readonly number[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>

type Table = 'domain' | 'user' | 'extension' | 'device' | 'credential'
type Row = (column: string) => string

/** The tables that problems are told of. */
export const CHECKED_TABLES: readonly Table[] = ['domain', 'user', 'extension', 'device', 'credential']

/**
 * Of the owner of an extension `t`; NULL when it is gone. Asked for each row, and not joined: until MariaDB has counted
 * the rows, it begins such a join with all extensions of the domain.
 */
const USER_NAME = '(SELECT u.name FROM user u WHERE u.id = t.user_id)'
const DOMAIN_NAME = '(SELECT d.name FROM domain d WHERE d.id = t.domain_id)'
const REALM = '(SELECT d.realm FROM domain d WHERE d.id = t.domain_id)'

/** What may be wrong with some row. */
interface Check {
  readonly table: Table
  /** After "12 more": "extensions have no owner". */
  readonly rest: string
  /** The table that is gone through, when it is another one. */
  readonly through?: Table
  /** Finds them among the rows with `? < t.id AND t.id <= ?`; every other table is reached by an index. */
  readonly sql: string
  readonly key: (row: Row) => string
  readonly problem: (row: Row) => string
}

const ORPHAN = 'A client without foreign keys has removed it. Delete this row too, or give it another.'

const CHECKS: readonly Check[] = [
  {
    table: 'domain',
    rest: 'domains wait for one to be the default',
    sql: `SELECT t.name FROM domain t
      WHERE t.id > ? AND t.id <= ? AND t.id = (SELECT min(id) FROM domain)
        AND NOT EXISTS (SELECT 1 FROM domain d WHERE d.is_default = 1)`,
    key: (row) => row('name'),
    problem: (row) =>
      `No domain is the default one; the oldest, ${row('name')}, answers for the server's own addresses. ` +
      'Set is_default to 1 in one row.',
  },
  {
    table: 'user',
    rest: 'users have the name of a number of somebody else',
    through: 'extension',
    sql: `SELECT name, domain, owner FROM (
        SELECT ${USER_NAME} AS name, ${DOMAIN_NAME} AS domain,
            (SELECT o.name FROM extension e JOIN user o ON o.id = e.user_id
              WHERE e.domain_id = t.domain_id AND e.number = ${USER_NAME} AND e.user_id <> t.user_id) AS owner
          FROM extension t
          WHERE t.id > ? AND t.id <= ? AND t.id = (
            SELECT x.id FROM extension x WHERE x.user_id = t.user_id AND x.domain_id = t.domain_id
              ORDER BY x.id LIMIT 1)) found
      WHERE owner IS NOT NULL`,
    key: (row) => row('name'),
    problem: (row) =>
      `In ${row('domain')} ${row('name')} is also a number, of user ${row('owner')}: whoever calls it reaches that ` +
      'number, never this user. Rename the user, or change the number.',
  },
  {
    table: 'extension',
    rest: 'extensions have no domain',
    sql: `SELECT t.id, t.number, t.domain_id FROM extension t
      WHERE t.id > ? AND t.id <= ? AND NOT EXISTS (SELECT 1 FROM domain d WHERE d.id = t.domain_id)`,
    key: (row) => `${row('number')}, id ${row('id')}`,
    problem: (row) => `Its domain ${row('domain_id')} is gone, so nobody reaches it. ${ORPHAN}`,
  },
  {
    table: 'extension',
    rest: 'extensions have no user',
    sql: `SELECT t.id, t.number, t.user_id FROM extension t
      WHERE t.id > ? AND t.id <= ? AND NOT EXISTS (SELECT 1 FROM user u WHERE u.id = t.user_id)`,
    key: (row) => `${row('number')}, id ${row('id')}`,
    problem: (row) => `Its user ${row('user_id')} is gone, so it is as if it were not there. ${ORPHAN}`,
  },
  {
    table: 'extension',
    rest: 'extensions have no credential that their phones could use',
    sql: `SELECT number, domain, realm, owner FROM (
        SELECT t.number, ${DOMAIN_NAME} AS domain, ${REALM} AS realm, ${USER_NAME} AS owner FROM extension t
          WHERE t.id > ? AND t.id <= ? AND NOT EXISTS (
            SELECT 1 FROM credential c LEFT JOIN device v ON v.id = c.device_id
              WHERE c.user_id = t.user_id AND c.realm = ${REALM}
                AND (c.device_id IS NULL OR v.extension_id = t.id))) found
      WHERE domain IS NOT NULL AND owner IS NOT NULL`,
    key: (row) => `${row('number')}@${row('domain')}`,
    problem: (row) =>
      `Its user ${row('owner')} has no credential in the realm ${row('realm')}, so its phones cannot register. ` +
      `Give it a password: sipwitches extension set ${row('number')} --password -`,
  },
  {
    table: 'device',
    rest: 'devices have no extension',
    sql: `SELECT t.id, t.extension_id FROM device t
      WHERE t.id > ? AND t.id <= ? AND NOT EXISTS (SELECT 1 FROM extension e WHERE e.id = t.extension_id)`,
    key: (row) => row('id'),
    problem: (row) => `Its extension ${row('extension_id')} is gone, so nobody uses it. ${ORPHAN}`,
  },
  {
    table: 'credential',
    rest: 'credentials have no user',
    sql: `SELECT t.id, t.user_id FROM credential t
      WHERE t.id > ? AND t.id <= ? AND NOT EXISTS (SELECT 1 FROM user u WHERE u.id = t.user_id)`,
    key: (row) => row('id'),
    problem: (row) => `Its user ${row('user_id')} is gone, so it proves nobody. ${ORPHAN}`,
  },
  {
    table: 'credential',
    rest: 'credentials have no device',
    sql: `SELECT t.id, t.device_id FROM credential t
      WHERE t.id > ? AND t.id <= ? AND t.device_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM device v WHERE v.id = t.device_id)`,
    key: (row) => row('id'),
    problem: (row) => `Its device ${row('device_id')} is gone, so it proves nobody. ${ORPHAN}`,
  },
  {
    table: 'credential',
    rest: 'credentials are of a device of somebody else',
    sql: `SELECT t.id, t.device_id FROM credential t
      WHERE t.id > ? AND t.id <= ? AND t.user_id <> (
        SELECT e.user_id FROM device v JOIN extension e ON e.id = v.extension_id WHERE v.id = t.device_id)`,
    key: (row) => row('id'),
    problem: (row) =>
      `Its device ${row('device_id')} belongs to an extension of another user, so it proves nobody. ` +
      'Set user_id to that one, or device_id to NULL.',
  },
  {
    table: 'credential',
    rest: 'credentials are of a realm that no domain has',
    sql: `SELECT t.id, t.username, t.realm FROM credential t
      WHERE t.id > ? AND t.id <= ? AND NOT EXISTS (SELECT 1 FROM domain d WHERE d.realm = t.realm)`,
    key: (row) => row('id'),
    problem: (row) =>
      `No domain has the realm ${row('realm')}, so ${row('username')} is never proved by it. Delete it, or give its ` +
      'user a new password: an HA1 is bound to the realm that it was made for.',
  },
]

/**
 * Goes through the tables in small steps, so that look-ups come in between: `pause` is awaited after each. Of each
 * kind LIMITS.storeProblems_rows are told, and how many more there are.
 */
export async function findProblems(
  select: Select,
  pause: () => Promise<void>,
): Promise<readonly RowProblem[]> {
  const problems: RowProblem[] = []
  for (const check of CHECKS) {
    let count = 0
    for await (const rows of stepwise(check, select)) {
      for (const row of rows) {
        if (++count <= LIMITS.storeProblems_rows) problems.push(problemOf(check, row))
      }
      await pause()
    }
    const more = count - LIMITS.storeProblems_rows
    if (more > 0) {
      problems.push({ table: check.table, key: `... ${check.rest}`, problem: `${more} more ${check.rest}.` })
    }
  }
  return onePerRow(problems)
}

/** What a check finds in each span of ids that holds storeProblemStep_rows. */
async function* stepwise(check: Check, select: Select): AsyncGenerator<Awaited<ReturnType<Select>>> {
  const rows = LIMITS.storeProblemStep_rows
  const span = `SELECT max(id) AS through FROM (SELECT id FROM ${check.through ?? check.table}
    WHERE id > ? ORDER BY id LIMIT ${rows}) AS step`
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const [row] = await select(span, [after])
    const through = row?.through
    if (through === null || through === undefined) return
    yield await select(check.sql, [after, Number(through)])
    after = Number(through)
  }
}

function problemOf({ table, key, problem }: Check, row: Readonly<Record<string, unknown>>): RowProblem {
  const column: Row = (name) => String(row[name])
  return { table, key: key(column), problem: problem(column) }
}

/** A row with several faults has them in one text. */
function onePerRow(problems: readonly RowProblem[]): readonly RowProblem[] {
  const groups = Map.groupBy(problems, ({ table, key }) => `${table} ${key}`)
  return [...groups.values()].map((group) => ({
    ...group[0]!,
    problem: group.map(({ problem }) => problem).join(' '),
  }))
}
