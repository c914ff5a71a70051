// The settings that act while running: rows of the table `setting`, checked, typed and swapped whole.

import * as v from 'valibot'
import type { Clock } from '../clock.ts'
import type { Algorithm, ConfigProblem, Invalidation, Store } from '../store/store.ts'
import { Reload } from './reload.ts'

export interface SettingValues {
  /** Offered in a challenge, the preferred one first. */
  readonly authAlgorithms: readonly Algorithm[]
  readonly expiresMin_s: number
  readonly expiresMax_s: number
  readonly expiresDefault_s: number
  /** For extensions whose row names no number of its own. */
  readonly maxBindings: number
  readonly nonceLifetime_s: number
  readonly timerC_s: number
  /** `memory`: a registration is not written, and a restart forgets it. */
  readonly registrationStorage: 'durable' | 'memory'
  readonly callRecords: 'all' | 'none'
  /** 0 for ever. */
  readonly callKeep_days: number
  /** What a sender who is no extension of ours may send to our extensions without proof. */
  readonly strangerMethods: ReadonlySet<string>
  /** How much may wait on this machine's disk while the database is away. */
  readonly spoolMax_mb: number
}

/** What serves where there is no row. The migrations write the same values. */
export const SETTING_DEFAULTS: SettingValues = {
  authAlgorithms: ['SHA-256', 'MD5'],
  expiresMin_s: 60,
  expiresMax_s: 3600,
  expiresDefault_s: 3600,
  maxBindings: 10,
  nonceLifetime_s: 300,
  timerC_s: 185,
  registrationStorage: 'durable',
  callRecords: 'all',
  callKeep_days: 365,
  strangerMethods: new Set(['OPTIONS']),
  spoolMax_mb: 64,
}

const HOUR_S = 3600
const DAY_S = 24 * HOUR_S
const YEAR_S = 365 * DAY_S

const CENTURY_days = 36_500

const ALGORITHMS = ['MD5', 'SHA-256', 'SHA-512-256'] as const satisfies readonly Algorithm[]

const algorithmList = v.pipe(
  v.string(),
  v.transform(listOf),
  v.array(v.picklist(ALGORITHMS, `names another algorithm than ${ALGORITHMS.join(', ')}`)),
  v.nonEmpty('names no algorithm'),
  v.check((list) => new Set(list).size === list.length, 'names an algorithm twice'),
)

/** RFC 3261 section 25.1: a method is a token. */
const methodList = v.pipe(
  v.string(),
  v.transform(listOf),
  v.array(v.pipe(v.string(), v.regex(/^[A-Z0-9.!%*_+`'~-]{1,32}$/, 'is not a list of methods in capitals'))),
  v.maxLength(32, 'names more than 32 methods'),
  v.transform((methods): ReadonlySet<string> => new Set(methods)),
)

function wholeNumber(min: number, max: number) {
  const message = `is not a whole number from ${min} to ${max}`
  return v.pipe(
    v.string(),
    v.regex(/^\d{1,10}$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  )
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** Reads rows one by one, notes what cannot be used, and then answers with the last good value. */
class RowReader {
  readonly problems: ConfigProblem[] = []
  readonly #rows: ReadonlyMap<string, string>
  readonly #known = new Set<string>()

  constructor(rows: ReadonlyMap<string, string>) {
    this.#rows = rows
  }

  read<Output>(name: string, schema: v.GenericSchema<string, Output>, initial: Output, last: Output): Output {
    this.#known.add(name)
    const text = this.#rows.get(name)
    if (text === undefined) return initial
    const result = v.safeParse(schema, text)
    if (result.success) return result.output
    this.problems.push({
      key: name,
      problem:
        `${name} is ${JSON.stringify(text)}: it ${result.issues[0].message}. ` +
        'The last good value goes on serving.',
    })
    return last
  }

  reportUnknown(): void {
    for (const name of this.#rows.keys()) {
      if (this.#known.has(name)) continue
      const known = [...this.#known].join(', ')
      this.problems.push({
        key: name,
        problem: `${name} is no setting and does nothing. There are: ${known}.`,
      })
    }
  }
}

/** The values of these rows; where one cannot be used, that of `last`. */
export function readSettings(
  rows: ReadonlyMap<string, string>,
  last: SettingValues,
): { readonly values: SettingValues; readonly problems: readonly ConfigProblem[] } {
  const reader = new RowReader(rows)
  const number = (name: string, min: number, max: number, field: NumberField): number =>
    reader.read(name, wholeNumber(min, max), SETTING_DEFAULTS[field], last[field])
  const values: SettingValues = {
    authAlgorithms: reader.read(
      'auth_algorithms',
      algorithmList,
      SETTING_DEFAULTS.authAlgorithms,
      last.authAlgorithms,
    ),
    // RFC 3261 section 10.3 step 7: an hour or more may never be refused with 423.
    expiresMin_s: number('expires_min_s', 1, HOUR_S, 'expiresMin_s'),
    expiresMax_s: number('expires_max_s', 1, YEAR_S, 'expiresMax_s'),
    expiresDefault_s: number('expires_default_s', 1, YEAR_S, 'expiresDefault_s'),
    maxBindings: number('max_bindings', 1, 100, 'maxBindings'),
    nonceLifetime_s: number('nonce_lifetime_s', 1, DAY_S, 'nonceLifetime_s'),
    // RFC 3261 section 16.6 step 11 asks for more than 180 s; a site may want its phones to give up sooner.
    timerC_s: number('timer_c_s', 1, DAY_S, 'timerC_s'),
    registrationStorage: reader.read(
      'registration_storage',
      v.picklist(['durable', 'memory'], 'is neither durable nor memory'),
      SETTING_DEFAULTS.registrationStorage,
      last.registrationStorage,
    ),
    callRecords: reader.read(
      'call_records',
      v.picklist(['all', 'none'], 'is neither all nor none'),
      SETTING_DEFAULTS.callRecords,
      last.callRecords,
    ),
    callKeep_days: number('call_keep_days', 0, CENTURY_days, 'callKeep_days'),
    strangerMethods: reader.read(
      'stranger_methods',
      methodList,
      SETTING_DEFAULTS.strangerMethods,
      last.strangerMethods,
    ),
    spoolMax_mb: number('spool_max_mb', 1, 65_536, 'spoolMax_mb'),
  }
  reader.reportUnknown()
  return { values: withOrderedExpiries(values, last, reader.problems), problems: reader.problems }
}

type NumberField = {
  [Field in keyof SettingValues]: SettingValues[Field] extends number ? Field : never
}[keyof SettingValues]

/** Each may be good alone and still contradict the others; then the three stay as they were. */
function withOrderedExpiries(
  values: SettingValues,
  last: SettingValues,
  problems: ConfigProblem[],
): SettingValues {
  const { expiresMin_s, expiresDefault_s, expiresMax_s } = values
  if (expiresMin_s <= expiresDefault_s && expiresDefault_s <= expiresMax_s) return values
  problems.push({
    key: 'expires_default_s',
    problem:
      `expires_min_s ${expiresMin_s}, expires_default_s ${expiresDefault_s} and expires_max_s ${expiresMax_s} ` +
      'are not in rising order. The last good ones go on serving.',
  })
  return {
    ...values,
    expiresMin_s: last.expiresMin_s,
    expiresDefault_s: last.expiresDefault_s,
    expiresMax_s: last.expiresMax_s,
  }
}

export class LiveSettings {
  readonly #store: Store
  readonly #reload: Reload
  #current: SettingValues = SETTING_DEFAULTS
  #problems: readonly ConfigProblem[] = []

  /** `rows` as read at start. */
  constructor(store: Store, clock: Clock, rows: ReadonlyMap<string, string>) {
    this.#store = store
    this.#reload = new Reload(clock, async () => this.#apply(await store.settings()))
    this.#apply(rows)
  }

  /** Never changes: after a change it is another object. */
  get current(): SettingValues {
    return this.#current
  }

  get problems(): readonly ConfigProblem[] {
    return this.#problems
  }

  onInvalidation(changes: readonly Invalidation[]): void {
    if (changes.some((change) => change.kind === 'settings' || change.kind === 'everything')) {
      this.#reload.request()
    }
  }

  #apply(rows: ReadonlyMap<string, string>): void {
    const { values, problems } = readSettings(rows, this.#current)
    this.#current = values
    this.#problems = problems
    this.#store.reportProblems('setting', problems)
    this.#store.limitSpool(values.spoolMax_mb * 1024 * 1024)
  }
}
