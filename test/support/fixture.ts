// Reads test/fixture/*.md: what the notation means is said in test/fixture/README.md.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dir, '../fixture')

export interface Fixture {
  /** "valid.md: A short tortuous INVITE". */
  readonly name: string
  readonly bytes: Buffer
  /** Each of them will do: "ok", "via", "failure not_sip". */
  readonly parse: readonly string[]
  /** Statuses that will do; 'silence' for none. */
  readonly answer: readonly (number | 'silence')[]
  /** null: one, which is all of the bytes. */
  readonly frames: { readonly count: number; readonly problem: string | null } | null
}

export function readFixtures(): Fixture[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.md') && file !== 'README.md')
  const fixtures = files.sort().flatMap((file) => readFile(file))
  const names = new Set(fixtures.map(({ name }) => name))
  if (names.size !== fixtures.length) throw new Error('two fixtures have the same name')
  return fixtures
}

function readFile(file: string): Fixture[] {
  const [, ...sections] = readFileSync(join(FOLDER, file), 'utf8').split(/^## /m)
  return sections.map((section) => readFixture(file, section))
}

function readFixture(file: string, section: string): Fixture {
  const name = `${file}: ${section.slice(0, section.indexOf('\n'))}`
  const block = /^```sip( lf)?\n(.*?)^```\n/ms.exec(section)
  if (block === null) throw new Error(`${name}: no block of bytes`)
  const fields = new Map<string, string>()
  for (const [, field = '', value = ''] of section.matchAll(/^- (parse|answer|frames): (.+)$/gm)) {
    fields.set(field, value)
  }
  return {
    name,
    bytes: wireBytes(block[2]!, block[1] === undefined ? '\r\n' : '\n'),
    parse: alternatives(name, fields.get('parse')),
    answer: alternatives(name, fields.get('answer')).map(readAnswer),
    frames: readFrames(fields.get('frames')),
  }
}

function alternatives(name: string, text: string | undefined): string[] {
  if (text === undefined) throw new Error(`${name}: a field is missing`)
  return text.split(' | ')
}

function readAnswer(text: string): number | 'silence' {
  if (text === 'silence') return text
  if (!/^[2-6]\d\d$/.test(text)) throw new Error(`no final status: ${text}`)
  return Number(text)
}

function readFrames(text: string | undefined): Fixture['frames'] {
  if (text === undefined) return null
  const [count, problem] = text.split(' ')
  return { count: Number(count), problem: problem ?? null }
}

const LENGTH = '\\(length)'

function wireBytes(text: string, end: string): Buffer {
  const wire = unescaped(text.replaceAll(/(?<!\\)((?:\\\\)*)\\\n/g, '$1').replaceAll('\n', end))
  const body = wire.indexOf(end + end) + 2 * end.length
  const length = Buffer.byteLength(wire.slice(body), 'latin1')
  return Buffer.from(wire.replaceAll(LENGTH, String(length)), 'latin1')
}

/** Byte-per-character; `\(length)` stays for later. */
function unescaped(text: string): string {
  const latin1 = Buffer.from(text, 'utf8').toString('latin1')
  const repeated = latin1.replaceAll(/\\\((\d+)\*([^()]*)\)/g, (_, count, part) => part.repeat(Number(count)))
  return repeated.replaceAll(/\\(x[0-9a-fA-F]{2}|[trn\\]|\(length\))/g, (all, what: string) => {
    if (what.startsWith('x')) return String.fromCharCode(Number.parseInt(what.slice(1), 16))
    return what === '(length)' ? all : { t: '\t', r: '\r', n: '\n', '\\': '\\' }[what]!
  })
}
