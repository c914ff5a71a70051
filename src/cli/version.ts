// `sipwitches version`: what to put into a report about it.

import { SCHEMA_VERSION } from '../store/migration.ts'
import { commit, VERSION } from '../version.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit.ts'

export const version: Command = {
  name: 'version',
  arguments: '',
  argumentsMin: 0,
  argumentsMax: 0,
  summary: 'Says which program this is.',
  options: {},
  async run(call) {
    const facts = {
      program: 'sipwitches',
      version: VERSION,
      commit: commit(),
      bun: Bun.version,
      schema: SCHEMA_VERSION,
    }
    call.answer(facts, [
      `${facts.program} ${facts.version} (${facts.commit})`,
      `Bun ${facts.bun}, schema version ${facts.schema}`,
    ])
    return EXIT.ok
  },
}
