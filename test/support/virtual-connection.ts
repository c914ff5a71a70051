import { formatHostPort } from '../../src/sip/host.ts'
import type { Address, Flow, Sender, SendFailure, TransportName } from '../../src/transport/transport.ts'
import type { Carried, VirtualNetwork } from './virtual-network.ts'

/** Who owns one end of a connection. */
export interface ConnectionOwner {
  onStreamSent(bytes: number): void
  onStreamBytes(bytes: Buffer, connection: VirtualConnection): void
  onStreamClosed(connection: VirtualConnection): void
  onSendFailed(failure: SendFailure, sender: Sender | undefined): void
}

/** One end of a stream. What is sent in one call arrives in one piece: cutting into messages is tested elsewhere. */
export class VirtualConnection implements Flow {
  readonly transport: TransportName
  readonly reliable = true
  /** Both halves close at once here. */
  readonly lingering = false
  readonly peer: Address
  readonly local: Address
  readonly key: string
  readonly #network: VirtualNetwork
  readonly #owner: ConnectionOwner
  #other: VirtualConnection | null = null
  #waiting: { readonly carried: Carried; readonly sender: Sender | undefined }[] = []
  readonly #attached = new Set<Sender>()
  #arrival_ms = 0
  #closed = false

  constructor(
    transport: TransportName,
    peer: Address,
    local: Address,
    network: VirtualNetwork,
    owner: ConnectionOwner,
  ) {
    this.transport = transport
    this.peer = peer
    this.local = local
    const ends = `${formatHostPort(local.host, local.port)}>${formatHostPort(peer.host, peer.port)}`
    this.key = `${transport}:${ends}#${network.nextNumber()}`
    this.#network = network
    this.#owner = owner
  }

  get open(): boolean {
    return !this.#closed
  }

  send(bytes: Uint8Array, sender?: Sender): void {
    if (this.#closed) {
      this.#owner.onSendFailed('closed', sender)
      return
    }
    const carried = { from: this.local, to: this.peer, bytes: Buffer.from(bytes), reliable: true }
    this.#network.watcher?.onSent(carried)
    if (this.#other === null) this.#waiting.push({ carried, sender })
    else this.#carry(this.#other, carried, sender)
  }

  attach(sender: Sender): void {
    this.#attached.add(sender)
  }

  detach(sender: Sender): void {
    this.#attached.delete(sender)
  }

  join(other: VirtualConnection): void {
    this.#other = other
    const waiting = this.#waiting
    this.#waiting = []
    for (const { carried, sender } of waiting) this.#carry(other, carried, sender)
  }

  /** Ends this end now, and the other one when it hears of it. */
  close(failure: SendFailure = 'closed'): void {
    if (this.#closed) return
    this.#closed = true
    for (const { carried, sender } of this.#waiting) {
      this.#network.watcher?.onLost(carried)
      this.#owner.onSendFailed(failure, sender)
    }
    for (const sender of this.#attached) {
      if (!this.#waiting.some((one) => one.sender === sender)) this.#owner.onSendFailed(failure, sender)
    }
    this.#waiting = []
    this.#attached.clear()
    this.#owner.onStreamClosed(this)
    const other = this.#other
    if (other !== null) this.#inOrder(() => other.close())
  }

  #carry(other: VirtualConnection, carried: Carried, sender: Sender | undefined): void {
    if (this.#network.isCut(this.local.host, this.peer.host)) {
      this.#network.watcher?.onLost(carried)
      this.#owner.onSendFailed('timeout', sender)
      this.close('timeout')
      return
    }
    this.#owner.onStreamSent(carried.bytes.length)
    this.#inOrder(() => other.#receive(carried))
  }

  #receive(carried: Carried): void {
    if (this.#closed) this.#network.watcher?.onLost(carried)
    else {
      this.#network.watcher?.onArrival(carried)
      this.#owner.onStreamBytes(carried.bytes, this)
    }
  }

  /** A stream keeps its order, whatever the delay of each piece. */
  #inOrder(task: () => void): void {
    const { clock } = this.#network
    this.#arrival_ms = Math.max(this.#arrival_ms, clock.monotonic() + this.#network.delayOnce_ms())
    this.#network.later(this.#arrival_ms - clock.monotonic(), task)
  }
}
