// docs/performance.md: what was measured takes the place of what stood there, between the markers.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

const PAGE = resolve(import.meta.dir, '../../docs/performance.md')
const PICTURES = resolve(import.meta.dir, '../../docs/performance')

export function writePage(part: string, content: string): void {
  writeFileSync(PAGE, withPart(readFileSync(PAGE, 'utf8'), part, content))
}

export function writePicture(name: string, svg: string): void {
  mkdirSync(PICTURES, { recursive: true })
  writeFileSync(resolve(PICTURES, `${name}.svg`), svg)
}

export function withPart(page: string, part: string, content: string): string {
  const begin = `<!-- measured: ${part} -->`
  const end = `<!-- end: ${part} -->`
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no place for ${part}`)
  return `${page.slice(0, from + begin.length)}\n\n${content}\n\n${page.slice(to)}`
}
