// Joins standard input and output to a TCP address: `bun pipe.ts HOST PORT`. Run inside a namespace, it gives a test
// outside a connection to a program inside.

import { connect } from 'node:net'

const [host, port] = process.argv.slice(2)
if (host === undefined || port === undefined) throw new Error('usage: pipe.ts HOST PORT')
const socket = connect(Number(port), host)
process.stdin.pipe(socket).pipe(process.stdout)
socket.on('error', (problem) => {
  console.error(problem.message)
  process.exit(1)
})
