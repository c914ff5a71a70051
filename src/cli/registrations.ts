// registrations: what is registered, as the database has it.

import { withProvisioning } from './account.ts'
import { type Command, columns } from './command.ts'
import { EXIT } from './exit.ts'

export const registrations: Command = {
  name: 'registrations',
  arguments: '',
  argumentsMin: 0,
  argumentsMax: 0,
  summary: 'Lists the registered contacts.',
  options: { number: { value: 'NUMBER', help: 'only those of this number' } },
  async run(call) {
    return withProvisioning(call, { create: false }, async (provisioning) => {
      const bindings = await provisioning.listBindings(call.text('number') ?? null)
      const rows = bindings.map((binding) => [
        binding.number,
        binding.contact,
        binding.source,
        binding.userAgent,
        `${binding.expiresIn_s} s`,
      ])
      call.answer(bindings, columns([['number', 'contact', 'source', 'user agent', 'expires in'], ...rows]))
      return EXIT.ok
    })
  },
}
