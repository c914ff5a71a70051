// extension add | list | show | set | remove

import type { ExtensionDetail, Provisioning } from '../store/provisioning.ts'
import type { DomainRecord } from '../store/store.ts'
import {
  addAccount,
  checkName,
  displayNameProblem,
  domainToFill,
  pickDomain,
  requireExtension,
  setPassword,
  withProvisioning,
} from './account.ts'
import { type Call, type Command, columns, type Option } from './command.ts'
import { CommandFailure, EXIT } from './exit.ts'
import { generatePassword, passwordOf } from './password.ts'

const DOMAIN_OPTION: Option = {
  value: 'NAME',
  help: 'the domain that the number is in (default: the default domain)',
}

const MAX_BINDINGS_MAX = 100

export const extensionAdd: Command = {
  name: 'extension add',
  arguments: 'NUMBER',
  argumentsMin: 1,
  argumentsMax: 1,
  summary: 'Adds a number. Phones log in with the number or the user name, and the password.',
  notes: ['Of a user who exists already the new number has a password of its own.'],
  options: {
    name: { value: 'NAME', help: 'name that others see, as "Ann Smith"' },
    user: { value: 'USER', help: 'user who owns it (default: one called as the number)' },
    password: {
      value: 'PASSWORD',
      help: 'password; - reads it from standard input (default: made, and shown once)',
    },
    'max-bindings': {
      value: 'N',
      help: 'most contacts registered at once (default: the setting max_bindings)',
    },
    domain: DOMAIN_OPTION,
  },
  async run(call) {
    const number = call.arguments[0] ?? ''
    const user = call.text('user') ?? number
    checkName('number', number)
    checkName('user name', user)
    const displayName = displayNameOption(call) ?? ''
    const maxBindings = maxBindingsOption(call) ?? null
    const given = call.text('password')
    const password = given === undefined ? generatePassword() : await passwordOf(given)
    return withProvisioning(call, { create: true }, async (provisioning) => {
      const domain = await provisioning.transaction(async () => {
        const found = await domainToFill(provisioning, call)
        await addAccount(provisioning, found, { number, user, displayName, password, maxBindings })
        return found
      })
      // A password that was given is known to whoever gave it.
      const shown = given === undefined ? { password } : {}
      call.answer({ number, domain: domain.name, user, realm: domain.realm, ...shown }, [
        `Extension ${number} is ready in ${domain.name}.`,
        ...columns(
          [
            ['user name', number],
            ['password', given === undefined ? `${password}   (shown only now)` : 'as given'],
            ['domain', domain.name],
          ],
          '  ',
        ),
      ])
      return EXIT.ok
    })
  },
}

export const extensionList: Command = {
  name: 'extension list',
  arguments: '',
  argumentsMin: 0,
  argumentsMax: 0,
  summary: 'Lists all numbers with their users and how many contacts are registered.',
  options: {},
  async run(call) {
    return withProvisioning(call, { create: false }, async (provisioning) => {
      const extensions = await provisioning.listExtensions()
      const rows = extensions.map((extension) => [
        extension.number,
        extension.displayName,
        extension.user,
        extension.status,
        String(extension.contacts),
        extension.domain,
      ])
      call.answer(
        extensions.map(publicExtension),
        columns([['number', 'name', 'user', 'status', 'contacts', 'domain'], ...rows]),
      )
      return EXIT.ok
    })
  },
}

export const extensionShow: Command = {
  name: 'extension show',
  arguments: 'NUMBER',
  argumentsMin: 1,
  argumentsMax: 1,
  summary: 'Shows a number, how its phones may log in, and what is registered. Never a secret.',
  options: { domain: DOMAIN_OPTION },
  async run(call) {
    return withProvisioning(call, { create: false }, async (provisioning) => {
      const domain = await pickDomain(provisioning, call.text('domain'))
      const extension = await requireExtension(provisioning, domain, call.arguments[0] ?? '')
      const credentials = await provisioning.listCredentials(extension.userId)
      const bindings = (await provisioning.listBindings(extension.number)).filter(
        (binding) => binding.domain === domain.name,
      )
      call.answer({ ...publicExtension(extension), realm: domain.realm, credentials, bindings }, [
        ...columns([
          ['number', extension.number],
          ['name', extension.displayName],
          ['user', `${extension.user} (${extension.status})`],
          ['domain', domain.name],
          ['max bindings', extension.maxBindings === null ? 'as the setting' : String(extension.maxBindings)],
          ['created', extension.createdAt],
          ['changed', extension.updatedAt],
        ]),
        ...credentials.map(
          ({ username, realm, algorithm }) => `login as ${username} in ${realm} by ${algorithm}`,
        ),
        ...bindings.map(({ contact, expiresAt }) => `registered ${contact} until ${expiresAt}`),
      ])
      return EXIT.ok
    })
  },
}

export const extensionSet: Command = {
  name: 'extension set',
  arguments: 'NUMBER',
  argumentsMin: 1,
  argumentsMax: 1,
  summary: 'Changes a number. What is not named stays as it is.',
  notes: ['--suspend and --resume act on the user, and so on all numbers of that user.'],
  options: {
    name: { value: 'NAME', help: 'name that others see' },
    password: { value: 'PASSWORD', help: 'password; - reads it from standard input' },
    'max-bindings': {
      value: 'N',
      help: 'most contacts registered at once; "default" for the setting max_bindings',
    },
    suspend: { help: 'neither registers nor calls until --resume' },
    resume: { help: 'undoes --suspend' },
    domain: DOMAIN_OPTION,
  },
  async run(call) {
    const number = call.arguments[0] ?? ''
    if (call.flag('suspend') && call.flag('resume')) {
      throw new CommandFailure(EXIT.usage, '--suspend and --resume contradict each other.')
    }
    const displayName = displayNameOption(call)
    const maxBindings = maxBindingsOption(call)
    const option = call.text('password')
    const password = option === undefined ? undefined : await passwordOf(option)
    const changes = [
      displayName,
      maxBindings,
      password,
      call.flag('suspend') || call.flag('resume') || undefined,
    ]
    if (changes.every((change) => change === undefined)) {
      throw new CommandFailure(EXIT.usage, 'Nothing to change was named; see --help.')
    }
    return withProvisioning(call, { create: false }, async (provisioning) => {
      const extension = await provisioning.transaction(async () => {
        const domain = await pickDomain(provisioning, call.text('domain'))
        const { id, userId, user } = await requireExtension(provisioning, domain, number)
        await provisioning.changeExtension(id, { displayName, maxBindings })
        if (password !== undefined) await setPassword(provisioning, domain, userId, [number, user], password)
        if (call.flag('suspend')) await provisioning.setUserStatus(userId, 'suspended')
        if (call.flag('resume')) await provisioning.setUserStatus(userId, 'active')
        return requireExtension(provisioning, domain, number)
      })
      call.answer(publicExtension(extension), [`Extension ${number} is changed.`])
      return EXIT.ok
    })
  },
}

export const extensionRemove: Command = {
  name: 'extension remove',
  arguments: 'NUMBER',
  argumentsMin: 1,
  argumentsMax: 1,
  summary: 'Removes a number with its registrations, and its user when it owns no other number.',
  options: { domain: DOMAIN_OPTION },
  async run(call) {
    const number = call.arguments[0] ?? ''
    return withProvisioning(call, { create: false }, async (provisioning) => {
      const userRemoved = await provisioning.transaction(async () => {
        const domain = await pickDomain(provisioning, call.text('domain'))
        return removeAccount(provisioning, domain, await requireExtension(provisioning, domain, number))
      })
      const user = userRemoved === null ? '' : ` and user ${userRemoved}`
      call.answer({ number, userRemoved }, [`Extension ${number}${user} removed.`])
      return EXIT.ok
    })
  },
}

/** The name of the user, when it was removed too. */
async function removeAccount(
  provisioning: Provisioning,
  domain: DomainRecord,
  { id, number, user, userId }: ExtensionDetail,
): Promise<string | null> {
  await provisioning.removeExtension(id)
  const owner = await provisioning.findUser(user)
  if (owner?.extensionCount === 0) {
    await provisioning.removeUser(userId)
    return user
  }
  // The user keeps its own name's password; the number's must not log in any more.
  if (number !== user) await provisioning.removeCredentials(userId, number, domain.realm)
  return null
}

function displayNameOption(call: Call): string | undefined {
  const name = call.text('name')
  const problem = name === undefined ? null : displayNameProblem(name)
  if (problem !== null) throw new CommandFailure(EXIT.usage, `The name ${problem}.`)
  return name
}

/** null for "default". */
function maxBindingsOption(call: Call): number | null | undefined {
  const text = call.text('max-bindings')
  if (text === undefined) return undefined
  if (text === 'default') return null
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > MAX_BINDINGS_MAX) {
    throw new CommandFailure(
      EXIT.usage,
      `--max-bindings is ${JSON.stringify(text)}; write a number from 1 to ${MAX_BINDINGS_MAX}, or "default".`,
    )
  }
  return value
}

function publicExtension(extension: ExtensionDetail): Omit<ExtensionDetail, 'id' | 'userId'> {
  const { id: _id, userId: _userId, ...rest } = extension
  return rest
}
