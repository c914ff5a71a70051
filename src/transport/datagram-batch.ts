// What waits to be sent straight to the kernel, with who wants to hear of it.

import type { DatagramQueue, SendReport } from './datagram-queue.ts'
import { SendRing } from './datagram-ring.ts'
import type { Sender } from './transport.ts'
import type { FlowSocket, UdpFlow } from './udp-flow.ts'

export class DatagramBatch {
  readonly #ring: SendRing
  readonly #report: SendReport
  readonly #flows: UdpFlow[] = []
  readonly #senders: (Sender | undefined)[] = []

  constructor({ family }: FlowSocket, report: SendReport) {
    this.#ring = new SendRing(family)
    this.#report = report
  }

  get size(): number {
    return this.#ring.count
  }

  get isFull(): boolean {
    return this.#ring.count === this.#ring.size
  }

  /** False when there is no room: what is here must be sent before. */
  put(bytes: Uint8Array, flow: UdpFlow, sender: Sender | undefined): boolean {
    const slot = this.#ring.count
    if (!this.#ring.put(bytes, flow.name)) return false
    this.#flows[slot] = flow
    this.#senders[slot] = sender
    return true
  }

  /** Sends all it can. What the kernel has no room for goes to the queue, and then the answer is false. */
  sendBy(fd: number, rest: DatagramQueue): boolean {
    const total = this.#ring.count
    let sent = 0
    let retried = false
    while (sent < total) {
      const outcome = this.#ring.send(fd, sent)
      if (typeof outcome === 'number') {
        this.#report.left(outcome, this.#ring.bytesBetween(sent, sent + outcome))
        sent += outcome
        retried = false
      } else if (outcome === 'full') {
        break
      } else if (outcome === 'refused' && !retried) {
        // An ICMP error that an earlier datagram has caused: it is gone once reported.
        retried = true
      } else {
        this.#report.failed(outcome, this.#senders[sent])
        sent++
        retried = false
      }
    }
    for (let slot = sent; slot < total; slot++) {
      rest.push(this.#ring.copyOf(slot), this.#flows[slot]!, this.#senders[slot])
    }
    this.#ring.clear()
    this.#senders.fill(undefined, 0, total)
    return sent === total
  }
}
