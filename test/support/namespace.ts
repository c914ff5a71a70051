// A network of the test's own: hosts in network namespaces on one switch, out of reach of the machine's networks.

import { run } from './program.ts'

const IP_MS = 10_000
const NETWORK = '10.231.7'
const SWITCH = 'switch'
const HOSTS_MAX = 200

/** A place to run a program: `enter` comes before its command. */
export interface Host {
  readonly enter: readonly string[]
  readonly address: string
  readonly device: string
}

let made = 0

export class Network {
  readonly #name = `sipwitches-${process.pid}-${++made}`
  readonly #folder: string
  readonly #namespaces: string[] = []
  #hosts = 0

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async make(folder: string): Promise<Network> {
    const network = new Network(folder)
    await network.#addNamespace(network.#name)
    await network.#inside(network.#name, 'link', 'add', SWITCH, 'type', 'bridge')
    await network.#inside(network.#name, 'link', 'set', SWITCH, 'up')
    return network
  }

  async addHost(): Promise<Host> {
    if (this.#hosts >= HOSTS_MAX) throw new Error(`${this.#name} has ${HOSTS_MAX} hosts already`)
    const number = ++this.#hosts
    const namespace = `${this.#name}-${number}`
    const [device, plug] = ['net0', `plug${number}`]
    const address = `${NETWORK}.${number}`
    await this.#addNamespace(namespace)
    const peer = ['peer', 'name', device, 'netns', namespace]
    await this.#inside(this.#name, 'link', 'add', plug, 'type', 'veth', ...peer)
    await this.#inside(this.#name, 'link', 'set', plug, 'master', SWITCH, 'up')
    await this.#inside(namespace, 'address', 'add', `${address}/24`, 'dev', device)
    await this.#inside(namespace, 'link', 'set', device, 'up')
    return { enter: ['ip', 'netns', 'exec', namespace], address, device }
  }

  async remove(): Promise<void> {
    for (const namespace of this.#namespaces) await this.#ip('netns', 'delete', namespace)
  }

  async #addNamespace(name: string): Promise<void> {
    await this.#ip('netns', 'add', name)
    this.#namespaces.push(name)
    await this.#inside(name, 'link', 'set', 'lo', 'up')
  }

  async #inside(namespace: string, ...args: readonly string[]): Promise<void> {
    await this.#ip('-n', namespace, ...args)
  }

  async #ip(...args: readonly string[]): Promise<void> {
    const { code, output } = await run(['ip', ...args], { folder: this.#folder, within_ms: IP_MS })
    if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${output}`)
  }
}
