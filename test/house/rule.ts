// The rules of the house, as functions from a source to what is wrong with it. Each says what to do instead.

import { codeOf, type Import, importsOf, lineAt, linesToMeasure, type Source } from './source.ts'

/** A file imports from its own folder or from those left of it. */
export const LAYERS: readonly string[] = [
  'sip',
  'transport',
  'transaction',
  'ua',
  'store',
  'directory',
  'auth',
  'registrar',
  'proxy',
  'call',
  'feature',
  'api',
  'cli',
]

/** Everyone may import these, so they import no layer. */
const FOUNDATION = [
  'src/clock.ts',
  'src/config.ts',
  'src/database-url.ts',
  'src/log.ts',
  'src/setting-problem.ts',
  'src/timing-wheel.ts',
  'src/version.ts',
]

/** The other files in src/ itself join the layers; only one command starts what they make. */
const STARTER = 'src/cli/start.ts'
const MAIN = 'src/main.ts'

/** Who may touch the core's memory (it is overwritten by the next message). */
const CORE_USERS = ['src/sip/scanner.ts', 'src/auth/digest.ts']

export function importOrder(source: Source): string[] {
  return importsOf(source).flatMap((found) => {
    const wrong = wrongImport(source.path, found)
    return wrong === null ? [] : [`${source.path}:${found.line}: imports ${found.target}; ${wrong}`]
  })
}

function wrongImport(path: string, { target, kind }: Import): string | null {
  if (path.startsWith('wasm/')) {
    return target.startsWith('wasm/') ? null : 'the core is compiled by asc alone and imports from wasm/ only'
  }
  if (!path.startsWith('src/') || kind === 'worker') return null
  if (target.startsWith('wasm/') && target !== 'wasm/layout.ts') return 'the host knows wasm/layout.ts only'
  if (target === 'src/sip/core.ts' && !CORE_USERS.includes(path)) {
    return `only ${CORE_USERS.join(' and ')} touch the memory of the core; ask them`
  }
  return target.startsWith('src/') ? wrongLayer(path, target, kind === 'type') : null
}

function wrongLayer(path: string, target: string, typeOnly: boolean): string | null {
  if (FOUNDATION.includes(target) || (isComposition(path) && target !== MAIN)) return null
  if (isComposition(target))
    return path === STARTER && target !== MAIN ? null : 'pass what is needed to a constructor'
  // The type of an address in a setting is no dependency.
  if (FOUNDATION.includes(path)) return typeOnly ? null : 'what every layer knows imports no layer'
  const [from, to] = [layerOf(path), layerOf(target)]
  if (to < 0 || from < 0) return `the folder is no layer; the layers are ${LAYERS.join(' · ')}`
  return to <= from ? null : 'layers import leftwards; give the upper one a callback at construction'
}

function isComposition(path: string): boolean {
  return /^src\/[^/]+$/.test(path) && !FOUNDATION.includes(path)
}

function layerOf(path: string): number {
  return LAYERS.indexOf(path.split('/')[1] ?? '')
}

interface Ban {
  readonly pattern: RegExp
  readonly where: (path: string) => boolean
  readonly instead: string
}

const inSource = (path: string) => path.startsWith('src/')
const inTests = (path: string) => path.startsWith('test/')

/** Tests that wait on the real clock, and why no other way is left. */
export const WAITING_TESTS: Readonly<Record<string, string>> = {
  'test/api/meter.test.ts':
    'the sampler of the loop delay belongs to the runtime and knows the real clock only',
  'test/support/deadline.ts': 'the one place that bounds a wait for a real process or socket',
  'test/support/virtual-clock.ts': 'lets the runtime end its turn between two steps of the virtual time',
}

/** What runs on real time in src/, and the one that may be random. */
const CLOCKS = ['src/clock.ts', 'src/timing-wheel.ts']
const RANDOM = ['src/sip/id.ts']

const CODE_BANS: readonly Ban[] = [
  {
    pattern: /\b(?:setTimeout|setInterval|setImmediate)\(/g,
    where: (path) => inSource(path) && !CLOCKS.includes(path),
    instead: 'take a Clock by constructor: clock.after, clock.soon',
  },
  {
    pattern:
      /\b(?:Date\.now|performance\.now|process\.hrtime|Bun\.nanoseconds)\b|\bnew Date\(\s*\)|\bDate\(\s*\)/g,
    where: (path) => inSource(path) && !CLOCKS.includes(path),
    instead: 'take a Clock by constructor: clock.now, clock.monotonic',
  },
  {
    pattern: /\bMath\.random\b/g,
    where: (path) => (inSource(path) || inTests(path)) && !RANDOM.includes(path),
    instead: 'take the ids of sip/id.ts by constructor; in a test, a seeded generator',
  },
  {
    pattern: /\b(?:setTimeout|setInterval|setImmediate|Bun\.sleep|Bun\.sleepSync|Atomics\.wait)\(/g,
    where: (path) => inTests(path) && WAITING_TESTS[path] === undefined,
    instead: 'wait for the event itself (test/support/deadline.ts bounds it), or use the virtual clock',
  },
  {
    pattern: /\bconsole\.\w+/g,
    where: (path) => inSource(path) && !path.startsWith('src/cli/') && path !== 'src/main.ts',
    instead: 'take a Log by constructor',
  },
  {
    pattern: /\bprocess\.exit\(/g,
    where: (path) => inSource(path) && !path.startsWith('src/cli/') && path !== 'src/main.ts',
    instead: 'throw, or return what the command shall say; only commands end the process',
  },
  {
    pattern: /[:<(|&,]\s*any\b(?!\s*[:(=])|\bas any\b/g,
    where: (path) => !path.startsWith('wasm/'),
    instead: 'say the type, or unknown and look',
  },
]

// In halves, so that this file may be read by its own rules.
const LATER_WORDS = new RegExp(`\\b(?:FIX${'ME'}|TO${'DO'}|XX${'X'}|HA${'CK'})\\b`, 'g')
const MACHINE_PATHS = new RegExp(`(?<![\\w.])/(?:wo${'rk'}|ho${'me'}|ro${'ot'}|Us${'ers'}|tm${'p'})/`, 'g')
const SILENCED = new RegExp(`@ts-(?:ig${'nore'}|no${'check'})`, 'g')

const TEXT_BANS: readonly Ban[] = [
  { pattern: LATER_WORDS, where: () => true, instead: 'do it, or write an issue' },
  { pattern: SILENCED, where: () => true, instead: 'mend the type' },
  {
    pattern: MACHINE_PATHS,
    where: (path) => !path.startsWith('docker/'),
    instead: 'ask os.tmpdir(), or take the folder',
  },
]

export function bans(source: Source): string[] {
  const code = codeOf(source.text)
  return [
    ...CODE_BANS.flatMap((ban) => broken(ban, source.path, code)),
    ...TEXT_BANS.flatMap((ban) => broken(ban, source.path, source.text)),
  ]
}

function broken({ pattern, where, instead }: Ban, path: string, text: string): string[] {
  if (!where(path)) return []
  return [...text.matchAll(pattern)].map(
    (found) => `${path}:${lineAt(text, found.index)}: ${found[0].trim()}; instead: ${instead}`,
  )
}

export const LINE_LENGTH = 120
export const FILE_LINES = 400
export const FUNCTION_LINES = 70

export function size({ path, text }: Source): string[] {
  const lines = linesToMeasure(text.trimEnd())
  const problems = lines.flatMap((line, index) =>
    line.length > LINE_LENGTH ? [`${path}:${index + 1}: ${line.length} characters; break the line`] : [],
  )
  if (lines.length > FILE_LINES) problems.push(`${path}: ${lines.length} lines; find the second noun`)
  return problems
}

/** A function's first line: its own, or that of the end of its parameters. */
const FUNCTION_START = /\bfunction\b.*\{$|=>\s*\{$|^\s*(?:[\w#*]+\s+)*[#\w]+(?:<.*>)?\(.*\).*\{$|^\s*\).*\{$/
const NO_FUNCTION = /^\s*(?:\}\s*)?(?:if|for|while|switch|catch|else|do|try|with)\b/

/** What holds tests is a chapter of them, and may be as long as they are many. */
const isTest = (line: string) => /^\s*(?:describe|test|it)\b/.test(line)

export function functionLength({ path, text }: Source): string[] {
  const open: { readonly line: number; readonly isFunction: boolean }[] = []
  const problems: string[] = []
  const lines = codeOf(text).split('\n')
  lines.forEach((line, index) => {
    const isFunction = FUNCTION_START.test(line.trimEnd()) && !NO_FUNCTION.test(line)
    for (const [brace] of line.matchAll(/[{}]/g)) {
      if (brace === '{') open.push({ line: index, isFunction })
      else {
        const begun = open.pop()
        const length = begun === undefined ? 0 : index - begun.line + 1
        if (
          begun?.isFunction &&
          length > FUNCTION_LINES &&
          !lines.slice(begun.line + 1, index).some(isTest)
        ) {
          problems.push(`${path}:${begun.line + 1}: a function of ${length} lines; give its parts names`)
        }
      }
    }
  })
  return problems
}

export function fileName({ path }: Source): string[] {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const problems: string[] = []
  if (/^(?:utils?|helpers?|common|misc|shared|lib|index|manager)\b/.test(name) && path !== 'wasm/index.ts') {
    problems.push(`${path}: says nothing of what is in it; name the noun`)
  }
  if (!/^\d*-?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)*$/.test(name))
    problems.push(`${path}: write-names-like-this.ts`)
  return problems
}

/** Where `as` is not to be avoided, and why. */
export const CASTING_FILES: Readonly<Record<string, string>> = {
  'src/sip/core.ts': "a module's exports have no type",
  'src/transport/datagram-queue.ts':
    "sendMany takes one flat list of bytes, ports and hosts, so its items' types alternate",
}

export function casts(source: Source): string[] {
  if (!inSource(source.path) || CASTING_FILES[source.path] !== undefined) return []
  const code = codeOf(source.text).replace(/^(?:import|export)\b[^=(]*?(?:\bfrom\b|$)/gm, (skipped) =>
    skipped.replace(/\S/g, ' '),
  )
  return [...code.matchAll(/\bas\s+(?!const\b)[A-Z\w[({]+/g)].map(
    (found) =>
      `${source.path}:${lineAt(code, found.index)}: ${found[0]}; narrow by a check, or list the file with a reason`,
  )
}
