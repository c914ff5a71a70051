// A program of its own that says "here", waits for a line of input, opens a database and says how it went: for tests
// that need several to do so at the same moment.

import { openProvisioning } from '../../src/store/open-provisioning.ts'

process.stdout.write('here\n')
for await (const _line of console) break

const provisioning = await openProvisioning(process.argv[2] ?? '', { create: true })
const { schemaVersion } = await provisioning.condition()
await provisioning.close()
process.stdout.write(`version ${schemaVersion}\n`)
