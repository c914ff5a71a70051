// A program of its own that says "here", waits for a line of input, prepares a database as a start does, and says what
// it made there: for tests that need several to do so at the same moment.

import { prepareDatabase } from '../../src/cli/first-start.ts'

process.stdout.write('here\n')
for await (const _line of console) break

const { created } = await prepareDatabase(process.argv[2] ?? '', 'example.com')
process.stdout.write(`${['made', ...created.map(({ number }) => number)].join(' ')}\n`)
