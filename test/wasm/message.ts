// Messages for the scanner's tests, and what its index says in words.

import { keep, scan } from '../../src/sip/scanner.ts'
import { FIELDS, Field, HEADER_FIELDS, Header, HeaderId, MethodId, Problem } from '../../wasm/layout.ts'

/** A request with all that is mandatory; a header in `changes` takes its namesake's place or comes last. null: none. */
export function request(changes: Record<string, string | null> = {}, line?: string): string {
  const cseq = changes.CSeq ?? '7 OPTIONS'
  const headers: Record<string, string | null> = {
    Via: 'SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKxyz',
    'Max-Forwards': '70',
    From: '<sip:101@example.com>;tag=f1',
    To: '<sip:102@example.com>',
    'Call-ID': 'c1@192.0.2.1',
    CSeq: cseq,
    ...changes,
  }
  return message(line ?? `${cseq.split(/\s+/)[1] ?? 'OPTIONS'} sip:102@example.com SIP/2.0`, headers)
}

export function response(line: string, changes: Record<string, string | null> = {}): string {
  return request(changes, line)
}

function message(line: string, headers: Record<string, string | null>): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}`],
  )
  return `${[line, ...lines].join('\r\n')}\r\n\r\n`
}

/** A scanned message: its fields as text. */
export class Scanned {
  readonly bytes: Buffer
  readonly index: Uint16Array

  constructor(message: string | Buffer) {
    this.bytes = typeof message === 'string' ? Buffer.from(message, 'latin1') : message
    this.index = keep(scan(this.bytes))
  }

  get problem(): string {
    return Problem[this.field(Field.Problem)]!
  }

  get methodId(): string {
    return MethodId[this.field(Field.MethodId)]!
  }

  field(field: Field): number {
    return this.index[field]!
  }

  span(startField: Field): string {
    return this.bytes.toString('latin1', this.field(startField), this.field(startField + 1))
  }

  number(highField: Field): number {
    return this.field(highField) * 0x10000 + this.field(highField + 1)
  }

  /** For a failure's message. */
  get excerpt(): string {
    return JSON.stringify(this.bytes.toString('latin1', 0, 300))
  }

  /** Each header line as `Id=value`. */
  get headers(): string[] {
    return Array.from({ length: this.field(Field.HeaderCount) }, (_, line) => {
      const value = this.bytes.toString(
        'latin1',
        this.part(line, Header.ValueStart),
        this.part(line, Header.ValueEnd),
      )
      return `${HeaderId[this.part(line, Header.Id)]}=${value}`
    })
  }

  part(line: number, part: Header): number {
    return this.index[FIELDS + line * HEADER_FIELDS + part]!
  }
}

/** Every field that starts a span; UriParamsStart ends where the Request-URI does. */
export const SPANS: readonly Field[] = Object.keys(Field)
  .filter((name) => name.endsWith('Start') && name !== 'UriParamsStart')
  .map((name) => Field[name as keyof typeof Field])
