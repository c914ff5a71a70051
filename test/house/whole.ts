// Rules about the checkout as a whole: what no file alone can show.

import { codeOf, importsOf, type Source } from './source.ts'

/** What is begun from outside: by a person, or by the runtime in a thread of its own. */
const ENTRY_POINTS = ['src/main.ts']

/** Files in src/ that nothing in src/ or scripts/ reaches. A test alone does not keep a file alive. */
export function deadFiles(sources: readonly Source[]): string[] {
  const users = sources.filter(({ path }) => path.startsWith('src/') || path.startsWith('scripts/'))
  const used = new Set([
    ...ENTRY_POINTS,
    ...users.flatMap((source) => importsOf(source).map(({ target }) => target)),
  ])
  return sources
    .filter(({ path }) => path.startsWith('src/') && !path.endsWith('.d.ts') && !used.has(path))
    .map(({ path }) => `${path}: nobody imports it; remove it, or use it`)
}

/** Values that are exported and that no other file mentions. A type may be exported with what it describes. */
export function deadExports(sources: readonly Source[]): string[] {
  const codes = sources.map(({ path, text }) => ({
    path,
    words: new Set(codeOf(text).match(/[\w$]+/g) ?? []),
  }))
  return sources
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap(({ path, text }) =>
      exportedNames(text)
        .filter((name) => !codes.some((other) => other.path !== path && other.words.has(name)))
        .map((name) => `${path}: ${name} is exported to nobody; keep it inside, or remove it`),
    )
}

function exportedNames(text: string): string[] {
  const declared = /^export (?:async )?(?:const|let|function\*?|class|abstract class|enum) (\w+)/gm
  return [...codeOf(text).matchAll(declared)].map(([, name = '']) => name)
}

/** A ring of imports has no first file to read. Types alone may know each other. */
export function importRings(sources: readonly Source[]): string[] {
  const imports = new Map(
    sources.map((source) => [
      source.path,
      importsOf(source)
        .filter(({ kind }) => kind === 'value')
        .map(({ target }) => target),
    ]),
  )
  const done = new Set<string>()
  const rings: string[] = []
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) {
      rings.push(
        `${[...way.slice(way.indexOf(path)), path].join(' > ')}: a ring of imports; take out what both need`,
      )
    } else if (!done.has(path)) {
      for (const target of imports.get(path) ?? []) visit(target, [...way, path])
      done.add(path)
    }
  }
  for (const path of imports.keys()) visit(path, [])
  return rings
}

/** A bound that nothing asks for bounds nothing. */
export function deadLimits(limits: readonly string[], sources: readonly Source[]): string[] {
  const users = sources.filter(({ path }) => path.startsWith('src/') && path !== 'src/config.ts')
  const words = new Set(users.flatMap(({ text }) => codeOf(text).match(/[\w$]+/g) ?? []))
  return limits
    .filter((name) => !words.has(name))
    .map((name) => `src/config.ts: LIMITS.${name} is used nowhere; remove it, or bound what it names`)
}

/** A unit, or what is counted, in the plural: `streamIdle_ms`, `branchesPerFork`, `storeWritesPending`. */
const LIMIT_NAME =
  /^[a-z][A-Za-z]*(?:_(?:ms|s|bytes|characters|datagrams|entries|rows|tries)|s(?:Per[A-Z][A-Za-z]*|Pending|Listed)?)$/

export function limitNames(limits: readonly string[]): string[] {
  return limits
    .filter((name) => !LIMIT_NAME.test(name))
    .map(
      (name) =>
        `src/config.ts: LIMITS.${name} has no unit; end it in _ms, _bytes, ..., or name what is counted`,
    )
}

/** The unreleased changes first, then releases, newest first; entries are sentences. */
export function changelogForm(text: string): string[] {
  const problems: string[] = []
  const lines = text.trimEnd().split('\n')
  const headings = lines.filter((line) => line.startsWith('#'))
  if (headings[0] !== '# Changelog') problems.push('CHANGELOG.md: begins with "# Changelog"')
  if (headings[1] !== '## Unreleased') problems.push('CHANGELOG.md: its first entry is "## Unreleased"')
  for (const heading of headings.slice(2)) {
    if (!/^## \d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)$/.test(heading))
      problems.push(`CHANGELOG.md: "${heading}"; write "## 1.2.3 (2026-01-31)"`)
  }
  for (const entry of lines.filter((line) => line.startsWith('- '))) {
    if (!/^- [A-Z`]/.test(entry)) problems.push(`CHANGELOG.md: "${entry}"; an entry is a sentence`)
  }
  return problems
}
