// docs/conformance.md beside the tests that it names: a row without a test that there is, or a reason, is no row.

import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, readSource } from './source.ts'

const REASON = /^(?:not met|by choice): .{20,}/
/** Of a file that a row may name, in this order. */
const ENDINGS = ['test.ts', 'ts', 'md']
const STRING = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g

/** The cells of every table, headings left out. */
const ROWS = readSource('docs/conformance.md')
  .text.split('\n')
  .filter((line) => /^\| (?!section )/.test(line))
  .map((line) => line.slice(2, -2).split(' | '))

/** What a row lacks, or null. */
function lacking(cells: readonly string[]): string | null {
  const [section = '', deed = '', proofs = ''] = cells
  if (cells.length !== 3 || section === '' || deed === '') return 'it is no row of three cells'
  const problems = proofs.split('<br>').map(lackingProof)
  return problems.find((problem) => problem !== null) ?? null
}

function lackingProof(proof: string): string | null {
  if (REASON.test(proof)) return null
  const [, file = '', name = ''] = /^([a-z0-9/-]+): (.+)$/.exec(proof) ?? []
  const paths = ENDINGS.map((ending) => `test/${file}.${ending}`)
  const path = paths.find((one) => existsSync(join(ROOT, one)))
  if (path === undefined) return `there is no file for "${proof}"`
  const { text } = readSource(path)
  const names = path.endsWith('.md') ? headings(text) : strings(text)
  return names.some((one) => one.includes(name)) ? null : `${path} has no test called "${name}"`
}

function headings(text: string): string[] {
  return [...text.matchAll(/^## (.+)$/gm)].map(([, title = '']) => title)
}

/** What a test is called stands in a string, its own or one of the table that it is made of. */
function strings(text: string): string[] {
  return [...text.matchAll(STRING)].map(([, single, double, back]) =>
    (single ?? double ?? back ?? '').replaceAll(/\\(['"`])/g, '$1'),
  )
}

test('every row has a test that there is, or a reason', () => {
  expect(ROWS.length).toBeGreaterThan(100)
  expect(ROWS.flatMap((cells) => lacking(cells)?.concat(` (${cells[0]}: ${cells[1]})`) ?? [])).toEqual([])
})

describe('no row', () => {
  test.each([
    ['without a proof', 'something', ''],
    ['with a file that is not there', 'something', 'proxy/nothing: a fork'],
    ['with a test that is not there', 'something', 'proxy/fork: no test has this name'],
    ['with one test of two', 'something', 'proxy/fork: a fork<br>proxy/fork: no test has this name'],
    ['with a comment for a test', 'something', 'proxy/fork: One request, many phones, one answer'],
    ['with a case that is not there', 'something', 'fixture/meaning: no case has this name'],
    ['without a reason', 'something', 'not met: '],
    ['that says nothing', '', 'proxy/fork: a fork'],
  ])('%s passes', (_what, deed, proofs) => expect(lacking(['16.1', deed, proofs])).not.toBeNull())
})

test.each(['7', '8', '10', '16', '17', '18', '19', '20'])(
  'section %s of RFC 3261 is gone through',
  (section) => {
    expect(ROWS.some(([cell = '']) => cell.split(/[ .]/)[0] === section)).toBe(true)
  },
)

test.each([3326, 3327, 3581, 3608, 3966, 4028, 4320, 4321, 5393, 5658, 6026, 6228])(
  'RFC %d is gone through',
  (rfc) => {
    expect(ROWS.some(([cell = '']) => cell.startsWith(`${rfc}`))).toBe(true)
  },
)
