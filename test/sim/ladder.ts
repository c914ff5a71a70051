// The whole run as text: its hash proves that two runs are the same, its tail shows how one came to fail.

import type { Carried } from '../support/virtual-network.ts'
import type { SipText } from './sip-text.ts'

const TAIL_LINES = 40

export type Fate = 'sent' | 'arrived' | 'lost'

const ARROWS: Readonly<Record<Fate, string>> = { sent: '-->', arrived: '==>', lost: '--x' }

export class Ladder {
  readonly #hash = new Bun.CryptoHasher('sha256')
  readonly #tail: string[] = []
  #closed = false

  message(at_ms: number, fate: Fate, { from, to, bytes, reliable }: Carried, message: SipText): void {
    this.#hash.update(`${at_ms} ${fate} ${from.host}:${from.port} ${to.host}:${to.port}\n`)
    this.#hash.update(bytes)
    const { status, cseq, cseqMethod, callId, branch } = message
    const what = status === null ? `${message.method} (${cseq})` : `${status} (${cseq} ${cseqMethod})`
    const names = `${callId} ${branch}${message.toTag === '' ? '' : ` to ${message.toTag}`}`
    const way = `${from.host} ${ARROWS[fate]} ${to.host}${reliable ? ' tcp' : ''}`
    this.#keep(at_ms, `${way.padEnd(30)} ${what.padEnd(20)} ${names}`)
  }

  /** What happens to the world rather than on the wire. */
  event(at_ms: number, what: string): void {
    this.#hash.update(`${at_ms} ${what}\n`)
    this.#keep(at_ms, `*** ${what}`)
  }

  /** What comes later is no more of interest. */
  close(): void {
    this.#closed = true
  }

  get tail(): readonly string[] {
    return this.#tail
  }

  digest(): string {
    return this.#hash.digest('hex')
  }

  #keep(at_ms: number, line: string): void {
    if (this.#closed) return
    this.#tail.push(`${(at_ms / 1000).toFixed(3).padStart(9)} ${line}`)
    if (this.#tail.length > TAIL_LINES) this.#tail.shift()
  }
}
