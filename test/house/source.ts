// The checkout as text, for rules about how it is written.

import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Source {
  /** From the root of the checkout: `src/sip/uri.ts`. */
  readonly path: string
  readonly text: string
}

export interface Import {
  /** From the root of the checkout too, or a package's name. */
  readonly target: string
  /** A worker is a program of its own that the file only knows the place of. */
  readonly kind: 'value' | 'type' | 'worker'
  readonly line: number
}

export function readSources(...patterns: string[]): Source[] {
  const paths = patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: ROOT, dot: true })])
  return paths.sort().map((path) => readSource(path))
}

export function readSource(path: string): Source {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') }
}

/** What stands in the first block of that language. */
export function documentExample(path: string, language: string): string {
  const [, rest = ''] = readSource(path).text.split(`\`\`\`${language}\n`)
  const [example = ''] = rest.split('```', 1)
  if (example === '') throw new Error(`${path} has no example in ${language}`)
  return example
}

/** In the order of the alternatives: a quote within a comment is no string, and a `//` within a string no comment. */
const NOT_CODE =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|(?<=[(,=:[!&|?{};\n]\s*)\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g

/** The text with comments, strings and regular expressions blanked; every line keeps its number. */
export function codeOf(text: string): string {
  return text.replace(NOT_CODE, (skipped) => skipped.replace(/[^\n]/g, ' '))
}

const IMPORT =
  /^[ \t]*(?:import|export)\s(type\s)?(?:[^'"`;]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)|new URL\('(\.[^']+\.ts)', import\.meta\.url\)/gm

export function importsOf({ path, text }: Source): Import[] {
  return [...text.matchAll(IMPORT)].map((found) => {
    const given = found[2] ?? found[3] ?? found[4] ?? ''
    return {
      target: given.startsWith('.') ? normalize(join(dirname(path), given)) : given,
      kind: found[4] !== undefined ? 'worker' : found[1] !== undefined ? 'type' : 'value',
      line: lineAt(text, found.index),
    }
  })
}

/** Each line as a reader sees it; a regular expression cannot be broken, so it counts as its first and last slash. */
export function linesToMeasure(text: string): string[] {
  return text.replace(NOT_CODE, (found) => (/^\/[^/*]/.test(found) ? '//' : found)).split('\n')
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
