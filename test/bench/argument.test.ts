import { describe, expect, test } from 'bun:test'
import { readArguments } from './argument.ts'
import { FULL, QUICK } from './pace.ts'
import { allowedCores } from './requirement.ts'
import { ROWS } from './row.ts'

test('without flags: everything, judged', () => {
  expect(readArguments([])).toEqual({
    kind: 'comparison',
    rows: ROWS,
    pace: FULL,
    baseline: false,
    outputs: { json: null, svg: null, docs: false },
  })
})

test('rows, rounds and files', () => {
  const words = ['--quick', '--only', 'call,options', '--rounds', '2', '--json', 'a.json', '--svg', 'a.svg']
  const asked = readArguments(words)
  expect(asked).toMatchObject({
    pace: { ...QUICK, rounds: 2 },
    rows: [{ name: 'call' }, { name: 'options' }],
    outputs: { json: 'a.json', svg: 'a.svg' },
  })
})

test('scale, with a limit', () => {
  expect(readArguments(['scale', '--most', '1000'])).toMatchObject({ kind: 'scale', most: 1000 })
})

test.each([[['--help']], [['-h']], [['scale', '--help']]])('%p asks for help', (words) => {
  expect(readArguments(words)).toEqual({ kind: 'help' })
})

describe('is wrong:', () => {
  test.each([
    ['an unknown flag', ['--fast']],
    ['an unknown command', ['race']],
    ['two commands', ['scale', 'race']],
    ['an unknown row', ['--only', 'call,fax']],
    ['no number', ['--rounds', 'many']],
    ['no rounds', ['--rounds', '0']],
    ['too many rounds', ['--rounds', '1000']],
    ['a flag without its value', ['--json']],
    ['a flag of the comparison with scale', ['scale', '--quick']],
    ['a flag of scale with the comparison', ['--most', '1000']],
    ['a baseline that was measured too short', ['--quick', '--baseline']],
    ['a page with some rows only', ['--only', 'call', '--docs']],
    ['a page that was measured too short', ['--quick', '--docs']],
  ])('%s', (_what, words) => expect(readArguments(words).kind).toBe('wrong'))
})

test('the cores that a process may have', () => {
  expect([...allowedCores('Name:\tbun\nCpus_allowed_list:\t0-2,5\n')]).toEqual([0, 1, 2, 5])
  expect(allowedCores('').size).toBe(0)
})
