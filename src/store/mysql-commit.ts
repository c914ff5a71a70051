// A batch of changes as few statements as it takes: what is written twice is written once, rows go by the hundred.

import { LIMITS } from '../config.ts'
import type { MysqlSession, Values } from './mysql-session.ts'
import { BINDING_COLUMNS, bindingValues, CALL_COLUMNS, callValues, mysqlTime } from './records.ts'
import type { BindingChange, BindingRecord, CallChange, Change, SightingChange } from './store.ts'

type Removal = Extract<BindingChange, { readonly kind: 'remove' }>

const SAVE_BINDINGS = `INSERT INTO binding (${BINDING_COLUMNS.join(', ')}) VALUES ?
  ON DUPLICATE KEY UPDATE ${BINDING_COLUMNS.slice(2)
    .map((column) => `${column} = VALUES(${column})`)
    .join(', ')}`

const SAVE_CALLS = `INSERT INTO "call" (${CALL_COLUMNS.join(', ')}) VALUES ?
  ON DUPLICATE KEY UPDATE ended_at = coalesce("call".ended_at, VALUES(ended_at))`

const SEE_DEVICES = 'UPDATE device SET user_agent = ?, last_seen_at = ? WHERE id IN (?)'
const ADD_DEVICES = 'INSERT INTO device (extension_id, instance, user_agent, last_seen_at) VALUES ?'

/** In the order of the columns of ADD_DEVICES. */
type Sighting = readonly [extensionId: number, instance: string, userAgent: string, seenAt: string]

/** Within a transaction. */
export async function applyChanges(session: MysqlSession, changes: readonly Change[]): Promise<void> {
  const bindings = new Map<string, BindingChange>()
  const sightings = new Map<string, SightingChange>()
  const calls: CallChange[] = []
  for (const change of changes) {
    if (change.kind === 'save') {
      bindings.set(`${change.binding.extensionId} ${change.binding.contactKey}`, change)
    } else if (change.kind === 'remove') bindings.set(`${change.extensionId} ${change.contactKey}`, change)
    else if (change.kind === 'sighting') sightings.set(`${change.extensionId} ${change.instance}`, change)
    else calls.push(change)
  }
  const saved: BindingRecord[] = []
  const removed: Removal[] = []
  for (const change of bindings.values()) {
    if (change.kind === 'save') saved.push(change.binding)
    else removed.push(change)
  }
  await saveBindings(session, saved)
  await removeBindings(session, removed)
  await seeDevices(session, [...sightings.values()])
  await writeCalls(session, calls)
}

async function saveBindings(session: MysqlSession, bindings: readonly BindingRecord[]): Promise<void> {
  const there = await existing(session, new Set(bindings.map(({ extensionId }) => extensionId)))
  const rows = bindings
    .filter(({ extensionId }) => there.has(extensionId))
    .map((binding) => bindingValues(binding, mysqlTime))
  for (const part of parts(rows)) await session.run(SAVE_BINDINGS, [part])
}

async function removeBindings(session: MysqlSession, removals: readonly Removal[]): Promise<void> {
  const keys = removals.map(({ extensionId, contactKey }) => [extensionId, contactKey])
  for (const part of parts(keys)) {
    const which = part.map(() => '(extension_id = ? AND contact_key = ?)').join(' OR ')
    await session.run(`DELETE FROM binding WHERE ${which}`, part.flat())
  }
}

/**
 * Those of the extensions that are there, and that stay until we commit: of one that was removed meanwhile nothing is
 * written, and the transaction that others wait for is not spoilt by it. In one order for everybody, so that no two
 * wait for each other.
 */
async function existing(session: MysqlSession, ids: ReadonlySet<number>): Promise<ReadonlySet<number>> {
  const there = new Set<number>()
  const sorted = [...ids].toSorted((one, other) => one - other).map((id) => [id])
  for (const part of parts(sorted)) {
    const rows = await session.select<{ id: number }>(
      'SELECT id FROM extension WHERE id IN (?) ORDER BY id LOCK IN SHARE MODE',
      [part.flat()],
    )
    for (const { id } of rows) there.add(id)
  }
  return there
}

async function seeDevices(session: MysqlSession, sightings: readonly SightingChange[]): Promise<void> {
  const rows = sightings.map(
    ({ extensionId, instance, userAgent, seenAt }) =>
      [extensionId, instance, userAgent, mysqlTime(seenAt)] as const,
  )
  for (const part of parts(rows)) await seeSome(session, part)
}

async function seeSome(session: MysqlSession, sightings: readonly Sighting[]): Promise<void> {
  const there = await existing(session, new Set(sightings.map(([extensionId]) => extensionId)))
  if (there.size === 0) return
  const devices = await session.select<{ id: number; extension_id: number; instance: string }>(
    'SELECT id, extension_id, instance FROM device WHERE extension_id IN (?)',
    [[...there]],
  )
  const known = Map.groupBy(devices, (device) => `${device.extension_id} ${device.instance}`)
  const owned = new Map<number, number>()
  for (const { extension_id } of devices) owned.set(extension_id, (owned.get(extension_id) ?? 0) + 1)
  const added: Sighting[] = []
  for (const sighting of sightings) {
    const [extensionId, instance, userAgent, seenAt] = sighting
    const same = known.get(`${extensionId} ${instance}`)
    const count = owned.get(extensionId) ?? 0
    if (same !== undefined) {
      await session.run(SEE_DEVICES, [userAgent, seenAt, same.map(({ id }) => id)])
    } else if (there.has(extensionId) && count < LIMITS.storeDevicesPerExtension) {
      added.push(sighting)
      owned.set(extensionId, count + 1)
    }
  }
  for (const part of parts(added)) await session.run(ADD_DEVICES, [part])
}

/** Records first, so that there are few statements: an end ends none that began after it, wherever that stands. */
async function writeCalls(session: MysqlSession, changes: readonly CallChange[]): Promise<void> {
  const records = changes.flatMap((change) =>
    change.kind === 'call' ? [callValues(change.call, mysqlTime)] : [],
  )
  for (const part of parts(records)) await session.run(SAVE_CALLS, [part])
  let ends = new Map<string, string>()
  for (const change of changes) {
    if (change.kind !== 'call-ended') continue
    // The first end of a Call-ID counts, but there may be a record that began after it.
    if (ends.has(change.callId)) {
      await endCalls(session, ends)
      ends = new Map()
    }
    ends.set(change.callId, mysqlTime(change.endedAt))
  }
  await endCalls(session, ends)
}

async function endCalls(session: MysqlSession, times: ReadonlyMap<string, string>): Promise<void> {
  for (const part of parts([...times])) {
    const cases = part.map(() => 'WHEN ? THEN ?').join(' ')
    await session.run(
      `UPDATE "call" SET ended_at = CASE call_id ${cases} END
        WHERE call_id IN (?) AND outcome = 'answered' AND ended_at IS NULL
          AND started_at <= CASE call_id ${cases} END`,
      [...part.flat(), part.map(([callId]) => callId), ...part.flat()],
    )
  }
}

/** Cut so that one statement is bounded in rows and in length. */
function* parts<Row extends Values>(rows: readonly Row[]): Generator<Row[]> {
  let part: Row[] = []
  let characters = 0
  for (const row of rows) {
    part.push(row)
    for (const value of row) if (typeof value === 'string') characters += value.length
    if (part.length < LIMITS.mysqlStatement_rows && characters < LIMITS.mysqlStatement_characters) continue
    yield part
    part = []
    characters = 0
  }
  if (part.length > 0) yield part
}
