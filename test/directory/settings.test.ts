import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { LIMITS } from '../../src/config.ts'
import { LiveSettings, readSettings, SETTING_DEFAULTS } from '../../src/directory/settings.ts'
import { openProvisioning } from '../../src/store/open-provisioning.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { ScriptedStore } from './scripted-store.ts'

function read(rows: Record<string, string>) {
  return readSettings(new Map(Object.entries(rows)), SETTING_DEFAULTS)
}

describe('settings', () => {
  test('of a new database are the defaults', async () => {
    const folder = makeFolder('settings')
    const provisioning = await openProvisioning(`sqlite:${join(folder, 'new.db')}`, { create: true })
    const rows = await provisioning.settings()
    await provisioning.close()
    removeFolder(folder)
    expect(rows.size).toBe(Object.keys(SETTING_DEFAULTS).length)
    expect(readSettings(rows, SETTING_DEFAULTS)).toEqual({ values: SETTING_DEFAULTS, problems: [] })
  })

  test('that have no row are the defaults', () => {
    expect(read({})).toEqual({ values: SETTING_DEFAULTS, problems: [] })
  })

  test('are read from their rows', () => {
    const { values, problems } = read({
      auth_algorithms: 'MD5 , SHA-512-256',
      expires_min_s: '1',
      expires_default_s: '120',
      expires_max_s: '7200',
      max_bindings: '1',
      nonce_lifetime_s: '30',
      timer_c_s: '1',
      registration_storage: 'memory',
      call_records: 'none',
      call_keep_days: '0',
      stranger_methods: 'OPTIONS,MESSAGE',
      spool_max_mb: '7',
    })
    expect(problems).toEqual([])
    expect(values).toEqual({
      authAlgorithms: ['MD5', 'SHA-512-256'],
      expiresMin_s: 1,
      expiresDefault_s: 120,
      expiresMax_s: 7200,
      maxBindings: 1,
      nonceLifetime_s: 30,
      timerC_s: 1,
      registrationStorage: 'memory',
      callRecords: 'none',
      callKeep_days: 0,
      strangerMethods: new Set(['OPTIONS', 'MESSAGE']),
      spoolMax_mb: 7,
    })
  })

  test('may allow a stranger nothing at all', () => {
    expect(read({ stranger_methods: ' ' }).values.strangerMethods.size).toBe(0)
  })

  const bad: readonly (readonly [string, string, string])[] = [
    ['auth_algorithms', '', 'names no algorithm'],
    ['auth_algorithms', 'md5', 'another algorithm'],
    ['auth_algorithms', 'MD5,SHA-256,MD5', 'twice'],
    ['max_bindings', '0', 'from 1 to 100'],
    ['max_bindings', 'ten', 'whole number'],
    ['max_bindings', '1e1', 'whole number'],
    ['max_bindings', ' 5', 'whole number'],
    ['expires_min_s', '-60', 'whole number'],
    ['call_keep_days', '1.5', 'whole number'],
    ['registration_storage', 'ram', 'neither durable nor memory'],
    ['call_records', 'some', 'neither all nor none'],
    ['expires_min_s', '3601', 'from 1 to 3600'],
    ['nonce_lifetime_s', '99999999999', 'whole number'],
    ['stranger_methods', 'options', 'methods in capitals'],
    ['stranger_methods', 'OPTIONS INVITE', 'methods in capitals'],
    ['colour', 'blue', 'is no setting'],
  ]
  for (const [name, value, why] of bad) {
    test(`that cannot be used are explained: ${name} = ${JSON.stringify(value)}`, () => {
      const { values, problems } = read({ [name]: value })
      expect(values).toEqual(SETTING_DEFAULTS)
      expect(problems).toEqual([{ key: name, problem: expect.stringContaining(why) }])
      expect(problems[0]?.problem).toContain(name)
    })
  }

  test('that contradict each other stay as they were, the others act', () => {
    const { values, problems } = read({ expires_min_s: '3600', expires_max_s: '3599', max_bindings: '3' })
    expect(values).toEqual({ ...SETTING_DEFAULTS, maxBindings: 3 })
    expect(problems).toEqual([{ key: 'expires_default_s', problem: expect.stringContaining('rising order') }])
  })
})

describe('live settings', () => {
  const start = () => {
    const clock = new VirtualClock()
    const store = new ScriptedStore()
    const settings = new LiveSettings(store, clock, new Map([['max_bindings', '7']]))
    const change = async (rows: Record<string, string>) => {
      store.settingRows = new Map(Object.entries(rows))
      settings.onInvalidation([{ kind: 'settings' }])
      await clock.idle()
    }
    return { clock, store, settings, change }
  }

  test('are swapped whole when a row changes', async () => {
    const { settings, change } = start()
    const before = settings.current
    await change({ max_bindings: '8', timer_c_s: '60' })
    expect(before.maxBindings).toBe(7)
    expect(settings.current).toMatchObject({ maxBindings: 8, timerC_s: 60 })
  })

  test('keep the last good value, not the default, and write down why', async () => {
    const { settings, store, change } = start()
    await change({ max_bindings: 'many' })
    expect(settings.current.maxBindings).toBe(7)
    expect(store.reported).toEqual([
      [],
      [{ key: 'max_bindings', problem: expect.stringContaining('"many"') }],
    ])
    expect(settings.problems).toEqual(store.reported[1] ?? [])
    await change({ max_bindings: '9' })
    expect(settings.current.maxBindings).toBe(9)
    expect(store.reported[2]).toEqual([])
  })

  test('are not read when an extension changes', () => {
    const { settings, store } = start()
    settings.onInvalidation([
      { kind: 'extension', number: '103', domain: 'example.com' },
      { kind: 'domains' },
    ])
    expect(store.settingReads).toBe(0)
  })

  test('are read as often as it takes while the database is away', async () => {
    const { clock, settings, store, change } = start()
    store.failure = new StoreUnavailable('down')
    await change({ max_bindings: '8' })
    expect(settings.current.maxBindings).toBe(7)
    await clock.pass(LIMITS.directoryRetry_ms)
    store.failure = null
    await clock.pass(LIMITS.directoryRetry_ms)
    await clock.idle()
    expect(settings.current.maxBindings).toBe(8)
    expect(clock.timers).toBe(0)
  })
})
