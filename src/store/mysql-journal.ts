// Follows the change journal of a MySQL server. There a row gets its number when it is inserted and is seen when its
// transaction commits: numbers come out of order, and those of a transaction that was rolled back never come. So every
// number that was left out is asked for again until it is certain that nobody can bring it any more.

import type { Clock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import type { JournalReading, JournalRow } from './driver.ts'
import type { MysqlSession } from './mysql-session.ts'

/** Numbers that were left out. */
interface Gap {
  readonly from: number
  readonly to: number
  /** When it was found, or found to be open still; monotonic ms. */
  readonly since_ms: number
}

const COLUMNS = 'seq, table_name AS "table", "key"'
/** One more than are told one by one, and the one that was read last. */
const READ = LIMITS.storeJournalRead_rows + 2
const SINCE = `SELECT ${COLUMNS} FROM change_journal WHERE seq >= ? ORDER BY seq LIMIT ${READ}`

const GAPS = `
  SELECT seq, previous FROM (
      SELECT seq, lag(seq) OVER (ORDER BY seq) AS previous FROM change_journal WHERE seq > ? AND seq <= ?) AS numbered
    WHERE seq - previous > 1 ORDER BY seq DESC LIMIT ${LIMITS.storeJournalGaps}`

/** Each row once, whatever its order. Of a device only what makes up an extension: sightings are the server's own. */
const FINGERPRINTED: Readonly<Record<string, string>> = {
  domain: 'id, name, realm, is_default',
  user: 'id, name, display_name, status',
  extension: `id, domain_id, number, user_id, display_name, coalesce(max_bindings, '')`,
  device: 'id, extension_id',
  credential: `id, user_id, coalesce(device_id, ''), username, realm, algorithm, ha1`,
  setting: 'name, value',
}
const FINGERPRINT = Object.entries(FINGERPRINTED)
  .map(
    ([table, columns]) =>
      `SELECT count(*) AS n, coalesce(bit_xor(crc32(concat_ws('|', ${columns}))), 0) AS x,
         coalesce(sum(crc32(concat_ws('|', ${columns}))), 0) AS s FROM ${table}`,
  )
  .join('\nUNION ALL\n')

export class MysqlJournal {
  readonly #clock: Clock
  /** The last row read; it stays where it is unless somebody cuts the journal. 0 when there was none. */
  #head = 0
  #gaps: readonly Gap[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Follows from now on. What is left out now may be open, and come later. */
  async start(session: MysqlSession): Promise<void> {
    const [last] = await session.select<{ seq: number | null }>('SELECT max(seq) AS seq FROM change_journal')
    this.#head = last?.seq ?? 0
    const rows = await session.select<{ seq: number; previous: number }>(GAPS, [
      this.#head - LIMITS.storeJournal_rows,
      this.#head,
    ])
    const since_ms = this.#clock.monotonic()
    this.#gaps = rows.map(({ seq, previous }) => ({ from: previous + 1, to: seq - 1, since_ms }))
  }

  async read(session: MysqlSession): Promise<JournalReading> {
    const found = await this.#select(session)
    const rows = found.filter(({ seq }) => seq !== this.#head)
    const cut = this.#head > 0 && rows.length === found.length
    if (!cut && found.length < READ) {
      this.#advance(rows)
      await this.#dropClosed(session)
      if (this.#gaps.length <= LIMITS.storeJournalGaps) return { rows, whole: true }
    }
    await this.start(session)
    return { rows: [], whole: false }
  }

  #select(session: MysqlSession): Promise<JournalRow[]> {
    if (this.#gaps.length === 0) return session.rows<JournalRow>(SINCE, [this.#head])
    return session.select<JournalRow>(
      `SELECT ${COLUMNS} FROM change_journal WHERE seq >= ${this.#head} OR ${within(this.#gaps)}
        ORDER BY seq LIMIT ${READ}`,
    )
  }

  #advance(rows: readonly JournalRow[]): void {
    const since_ms = this.#clock.monotonic()
    for (const { seq } of rows) {
      if (seq < this.#head) {
        this.#gaps = this.#gaps.flatMap((gap) => without(gap, seq))
      } else {
        // An empty journal tells nothing of what was before its first row.
        if (this.#head > 0 && seq > this.#head + 1) {
          this.#gaps = [...this.#gaps, { from: this.#head + 1, to: seq - 1, since_ms }]
        }
        this.#head = seq
      }
    }
  }

  /** A row that is not even seen uncommitted, so long after its number was given, belongs to nobody. */
  async #dropClosed(session: MysqlSession): Promise<void> {
    const now_ms = this.#clock.monotonic()
    const old = this.#gaps.filter(({ since_ms }) => now_ms - since_ms >= LIMITS.storeJournalGap_ms)
    if (old.length === 0) return
    await session.run('SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED')
    const open = await session.select<{ seq: number }>(
      `SELECT seq FROM change_journal WHERE ${within(old)} LIMIT ${LIMITS.storeJournalGaps + 1}`,
    )
    this.#gaps = [
      ...this.#gaps.filter((gap) => !old.includes(gap)),
      ...open.map(({ seq }) => ({ from: seq, to: seq, since_ms: now_ms })),
    ]
  }
}

/** Where no triggers are allowed: whether anything of the configuration has changed, without a word what. */
export class MysqlFingerprint {
  readonly #clock: Clock
  #last = ''
  #taken_ms = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async start(session: MysqlSession): Promise<void> {
    this.#last = await take(session)
    this.#taken_ms = this.#clock.monotonic()
  }

  async changed(session: MysqlSession): Promise<boolean> {
    if (this.#clock.monotonic() - this.#taken_ms < LIMITS.storeFingerprint_ms) return false
    const before = this.#last
    await this.start(session)
    return this.#last !== before
  }
}

async function take(session: MysqlSession): Promise<string> {
  return JSON.stringify(await session.rows(FINGERPRINT))
}

function within(gaps: readonly Gap[]): string {
  return gaps.map(({ from, to }) => `seq BETWEEN ${from} AND ${to}`).join(' OR ')
}

function without(gap: Gap, seq: number): Gap[] {
  if (seq < gap.from || seq > gap.to) return [gap]
  const parts = [
    { ...gap, to: seq - 1 },
    { ...gap, from: seq + 1 },
  ]
  return parts.filter(({ from, to }) => from <= to)
}
