// check: settings, database and ports, each with what is wrong and how to mend it.

import { existsSync } from 'node:fs'
import { type BootSettings, parseDatabaseUrl, SettingProblem } from '../config.ts'
import { readSettings, SETTING_DEFAULTS } from '../directory/settings.ts'
import { visible } from '../log.ts'
import { DatabaseProblem } from '../store/driver.ts'
import { openProvisioning } from '../store/open-provisioning.ts'
import type { Provisioning } from '../store/provisioning.ts'
import { pickDomain } from './account.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit.ts'
import type { Finding } from './finding.ts'
import { checkPorts } from './ports.ts'

export const check: Command = {
  name: 'check',
  arguments: '',
  argumentsMin: 0,
  argumentsMax: 0,
  summary: 'Looks for what would keep the server from running well. Ends with 0 when there is nothing.',
  notes: ['It may be used while the server runs.'],
  options: {
    listen: { value: 'ADDRESSES', help: 'SIP addresses to look at, as udp://0.0.0.0:5060' },
    http: { value: 'ADDRESS', help: 'HTTP address to look at, as 127.0.0.1:8080' },
  },
  async run(call) {
    const findings = await findAll(() => call.settings())
    const ok = findings.every((finding) => finding.ok)
    call.answer({ ok, findings }, [
      ...findings.map(
        (finding) => `${finding.ok ? 'ok  ' : 'BAD '} ${visible(`${finding.subject}: ${finding.text}`)}`,
      ),
      ok ? 'All is well.' : 'Mend what is BAD, then check again.',
    ])
    return ok ? EXIT.ok : EXIT.config
  },
}

async function findAll(readBootSettings: () => BootSettings): Promise<readonly Finding[]> {
  let settings: BootSettings
  try {
    settings = readBootSettings()
  } catch (error) {
    if (!(error instanceof SettingProblem)) throw error
    return error.message.split('\n').map((text) => ({ subject: 'settings', ok: false, text }))
  }
  return [
    { subject: 'settings', ok: true, text: `data in ${settings.data}, log level ${settings.log}` },
    ...(await checkDatabase(settings)),
    ...(await checkPorts(settings.listen, settings.http)),
  ]
}

async function checkDatabase(settings: BootSettings): Promise<readonly Finding[]> {
  const location = parseDatabaseUrl(settings.database)
  if (location.kind === 'sqlite' && !existsSync(location.path)) {
    const text = `none at ${location.path} yet; the first \`sipwitches start\` makes it`
    return [{ subject: 'database', ok: true, text }]
  }
  const called = location.kind === 'sqlite' ? location.path : `${location.database} at ${location.host}`
  let provisioning: Provisioning | null = null
  try {
    provisioning = await openProvisioning(settings.database, { create: false })
    return await inspect(provisioning, called)
  } catch (error) {
    if (!(error instanceof DatabaseProblem)) throw error
    return [{ subject: 'database', ok: false, text: error.message }]
  } finally {
    await provisioning?.close()
  }
}

async function inspect(provisioning: Provisioning, called: string): Promise<readonly Finding[]> {
  const { server, schemaVersion, extensionCount, orphans, warnings } = await provisioning.condition()
  const { problems } = readSettings(await provisioning.settings(), SETTING_DEFAULTS)
  // What the running server says of its settings may be of an earlier day: they are read here as well.
  const found = (await provisioning.listProblems()).filter(({ table }) => table !== 'setting')
  return [
    {
      subject: 'database',
      ok: true,
      text: `${called} is whole and writable, schema version ${schemaVersion}, ${server}`,
    },
    ...warnings.map((text) => bad('database', text)),
    await inspectDomain(provisioning),
    { subject: 'extensions', ok: true, text: String(extensionCount) },
    ...orphans.map((text) =>
      bad('rows', `${text}: it was deleted by a client that enforces no foreign keys; delete this row too`),
    ),
    ...problems.map(({ problem }) => bad('setting', problem)),
    ...found.map(({ table, key, problem }) => bad(`${table} ${key}`, problem)),
  ]
}

function bad(subject: string, text: string): Finding {
  return { subject, ok: false, text }
}

async function inspectDomain(provisioning: Provisioning): Promise<Finding> {
  if ((await provisioning.domains()).length === 0) {
    return { subject: 'domain', ok: true, text: 'none yet; the first `sipwitches start` makes one' }
  }
  const { name, realm } = await pickDomain(provisioning, undefined)
  return { subject: 'domain', ok: true, text: `${name}, realm ${realm}` }
}
