// baresip: a telephone with a voice, driven over its control connection (netstrings of JSON).

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { within } from './deadline.ts'
import type { Host } from './namespace.ts'
import { Program } from './program.ts'
import type { Account, HostPort } from './server-process.ts'
import { writeTone } from './tone.ts'

const PIPE = resolve(import.meta.dir, 'pipe.ts')
const START_MS = 10_000
const COMMAND_MS = 5000
const REGISTER_MS = 10_000
const QUIT_MS = 5000
const TALK_MS = 10_000
/** On a host of its own no other program can have them. */
const SIP_PORT = 5060
const CONTROL_PORT = 4444
/** Longer than any call of a test: baresip hangs up where its file ends. */
const TONE_SECONDS = 60

export interface BaresipOptions {
  /** It does not use the loopback: it wants a host of its own. */
  readonly host: Host
  readonly folder: string
  readonly account: Account
  readonly domain: string
  readonly server: HostPort
  readonly transport: 'udp' | 'tcp'
}

/** What baresip says happened to a call or a registration. */
export interface BaresipEvent {
  readonly type: string
  readonly class: string
  readonly peeruri: string
  readonly param: string
}

interface Waiting {
  readonly type: string
  readonly found: (event: BaresipEvent) => void
}

export class Baresip {
  readonly #phone: Program
  readonly #events: BaresipEvent[] = []
  readonly #answers: Array<(answer: { readonly ok: boolean; readonly text: string }) => void> = []
  #waiting: Waiting | null = null
  #control: Bun.Subprocess<'pipe', 'pipe', 'inherit'> | null = null

  private constructor(phone: Program) {
    this.#phone = phone
  }

  /** Started and under control; from now on no event is missed. It registers by itself, see `registered`. */
  static async start(options: BaresipOptions): Promise<Baresip> {
    const { host, account, folder } = options
    const files = join(folder, `baresip-${account.number}-${host.address}`)
    await writeConfiguration(files, options)
    const phone = new Program([...host.enter, 'baresip', '-f', files], { folder })
    const baresip = new Baresip(phone)
    try {
      await phone.prints(/baresip is ready/i, START_MS)
      baresip.#connect(host)
      await baresip.command('reginfo')
    } catch (problem) {
      phone.kill()
      throw problem
    }
    return baresip
  }

  get output(): string {
    return this.#phone.output
  }

  /** One command, as on its keyboard: dial, accept, hangup, reginfo. What it answered. */
  async command(name: string, params = ''): Promise<string> {
    const control = this.#control
    if (control === null) throw new Error('baresip is not under control')
    const text = JSON.stringify({ command: name, params })
    const answered = Promise.withResolvers<{ readonly ok: boolean; readonly text: string }>()
    this.#answers.push(answered.resolve)
    control.stdin.write(`${Buffer.byteLength(text)}:${text},`)
    control.stdin.flush()
    const answer = await within(
      COMMAND_MS,
      () => `an answer of baresip to ${text}\n${this.output}`,
      answered.promise,
    )
    if (!answer.ok) throw new Error(`baresip refused ${text}: ${answer.text}`)
    return answer.text
  }

  /** The registrar took it in. Read from its output, since it may happen before the control connection is there. */
  async registered(): Promise<void> {
    await this.#phone.prints(/200 OK .*\[\d+ bindings?\]/, REGISTER_MS)
  }

  /** The oldest event of this type that was not asked for yet: audio may be heard before the answer is seen. */
  async event(type: string, ms = COMMAND_MS): Promise<BaresipEvent> {
    const index = this.#events.findIndex((event) => event.type === type)
    const [event] = index < 0 ? [] : this.#events.splice(index, 1)
    if (event !== undefined) return event
    const found = Promise.withResolvers<BaresipEvent>()
    this.#waiting = { type, found: found.resolve }
    const seen = this.#events.map((each) => `${each.type} ${each.param}`).join(', ')
    return await within(ms, () => `${type} of baresip, which saw: ${seen}\n${this.output}`, found.promise)
  }

  /** A whole second of audio has gone both ways: its line of status shows the bit rates, sent and received. */
  async talks(): Promise<void> {
    await this.#phone.prints(/audio=[1-9]\d*\/[1-9]\d* \(bit\/s\)/, TALK_MS)
  }

  /** Its own account of the audio packets of the call that has just ended. */
  async audioPackets(): Promise<{ readonly sent: number; readonly received: number }> {
    const match = await this.#phone.prints(/packets:\s+(\d+)\s+(\d+)/, COMMAND_MS)
    return { sent: Number(match[1]), received: Number(match[2]) }
  }

  /** Unregisters and ends. */
  async quit(): Promise<void> {
    this.#phone.signal('SIGTERM')
    await this.#phone.exited(QUIT_MS).finally(() => this.kill())
  }

  kill(): void {
    this.#control?.kill()
    this.#phone.kill()
  }

  #connect({ enter, address }: Host): void {
    const command = [...enter, process.execPath, PIPE, address, String(CONTROL_PORT)]
    const control = Bun.spawn(command, { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
    this.#control = control
    void this.#listen(control.stdout)
  }

  async #listen(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = Buffer.alloc(0)
    for await (const bytes of stream) {
      rest = Buffer.concat([rest, bytes])
      for (;;) {
        const colon = rest.indexOf(':')
        const end = colon + 1 + Number(rest.toString('latin1', 0, Math.max(colon, 0)))
        // A netstring ends with a comma, which must have come too.
        if (colon < 0 || rest.length <= end) break
        this.#hear(JSON.parse(rest.toString('utf8', colon + 1, end)))
        rest = rest.subarray(end + 1)
      }
    }
  }

  #hear(said: Readonly<Record<string, unknown>>): void {
    const text = (name: string) => String(said[name] ?? '')
    if (said.response === true) {
      this.#answers.shift()?.({ ok: said.ok === true, text: text('data') })
      return
    }
    const event = { type: text('type'), class: text('class'), peeruri: text('peeruri'), param: text('param') }
    const waiting = this.#waiting
    if (waiting?.type !== event.type) {
      this.#events.push(event)
      return
    }
    this.#waiting = null
    waiting.found(event)
  }
}

async function writeConfiguration(
  files: string,
  { host, account, domain, server, transport }: BaresipOptions,
): Promise<void> {
  const tone = join(files, 'tone.wav')
  const config = [
    `sip_listen ${host.address}:${SIP_PORT}`,
    `net_interface ${host.device}`,
    'rtp_stats yes',
    `audio_source aufile,${tone}`,
    'module_path /usr/lib/baresip/modules',
    'module g711.so',
    'module aufile.so',
    'module_tmp uuid.so',
    'module_tmp account.so',
    'module_app menu.so',
    'module_app ctrl_tcp.so',
    `ctrl_tcp_listen ${host.address}:${CONTROL_PORT}`,
  ]
  const parameters = [
    `auth_user=${account.number}`,
    `auth_pass=${account.password}`,
    `outbound="sip:${server.host}:${server.port};transport=${transport}"`,
    'regint=120',
    'audio_codecs=PCMU',
  ]
  const address = `<sip:${account.number}@${domain};transport=${transport}>`
  await Bun.write(join(files, 'config'), `${config.join('\n')}\n`)
  writeFileSync(join(files, 'accounts'), `${address};${parameters.join(';')}\n`)
  writeFileSync(join(files, 'contacts'), '')
  writeTone(tone, TONE_SECONDS)
}
