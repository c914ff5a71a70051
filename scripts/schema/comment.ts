// What the comments inside a stored CREATE statement say of which column. In a table the first line is the table's,
// what follows until a column is that column's; a column added by ALTER, which stores nothing that stands before its
// name, has its comment after the name. In a view what stands before SELECT is the view's.

interface Token {
  readonly kind: 'comment' | 'word' | 'symbol'
  /** Names without their quotes; comments without their marks. */
  readonly text: string
  readonly start: number
  readonly end: number
}

/** What stands between two commas. */
interface Entry {
  readonly comments: string[]
  readonly tokens: Token[]
}

export interface ColumnWords {
  readonly comment: string
  /** Conditions of its own, as written. */
  readonly checks: readonly string[]
}

export interface RelationWords {
  readonly comment: string
  readonly columns: ReadonlyMap<string, ColumnWords>
}

const TOKEN = /\s+|(--[^\n]*|\/\*.*?\*\/)|('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|[\w$]+)|./suy

function tokensOf(sql: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (let match = TOKEN.exec(sql); match !== null; match = TOKEN.exec(sql)) {
    const [text, comment, word] = match
    const place = { start: match.index, end: TOKEN.lastIndex }
    if (comment !== undefined) tokens.push({ kind: 'comment', text: commentText(comment), ...place })
    else if (word !== undefined) tokens.push({ kind: 'word', text: bareName(word), ...place })
    else if (text.trim() !== '') tokens.push({ kind: 'symbol', text, ...place })
  }
  return tokens
}

function commentText(comment: string): string {
  return comment.replace(/^--|^\/\*|\*\/$/g, '').trim()
}

function bareName(word: string): string {
  return /^["`[]/.test(word) ? word.slice(1, -1) : word
}

function isWord(token: Token | undefined, ...words: readonly string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text.toUpperCase())
}

/** From `tokens[first]` to the bracket or the word that ends the list. */
function entriesOf(tokens: readonly Token[], first: number, end: string): Entry[] {
  const entries: Entry[] = [{ comments: [], tokens: [] }]
  let depth = 0
  for (const token of tokens.slice(first)) {
    if (depth === 0 && token.text.toUpperCase() === end) break
    const entry = entries.at(-1)!
    if (token.kind === 'comment') entry.comments.push(token.text)
    else if (depth === 0 && token.text === ',') entries.push({ comments: [], tokens: [] })
    else entry.tokens.push(token)
    if (token.text === '(') depth++
    if (token.text === ')') depth--
  }
  return entries
}

const CONSTRAINTS = ['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN']

export function tableWords(sql: string): RelationWords {
  const tokens = tokensOf(sql)
  const entries = entriesOf(tokens, tokens.findIndex(({ text }) => text === '(') + 1, ')')
  const comment = entries[0]?.comments.shift() ?? ''
  const columns = new Map<string, ColumnWords>()
  for (const { comments, tokens: definition } of entries) {
    const [name] = definition
    if (name === undefined || isWord(name, ...CONSTRAINTS)) continue
    columns.set(name.text, { comment: comments.join(' '), checks: checksOf(sql, definition) })
  }
  return { comment, columns }
}

function checksOf(sql: string, definition: readonly Token[]): string[] {
  const checks: string[] = []
  definition.forEach((token, at) => {
    if (!isWord(token, 'CHECK')) return
    const open = definition[at + 1]
    let depth = 0
    const close = definition.slice(at + 1).find(({ text }) => {
      depth += text === '(' ? 1 : text === ')' ? -1 : 0
      return depth === 0
    })
    if (open !== undefined && close !== undefined)
      checks.push(sql.slice(open.end, close.start).replace(/\s+/g, ' '))
  })
  return checks
}

/** `names`: its columns, in order. */
export function viewWords(sql: string, names: readonly string[]): RelationWords {
  const tokens = tokensOf(sql)
  const select = tokens.findIndex((token) => isWord(token, 'SELECT'))
  const before = tokens.slice(0, select).filter(({ kind }) => kind === 'comment')
  const entries = entriesOf(tokens, select + 1, 'FROM')
  return {
    comment: before.map(({ text }) => text).join(' '),
    columns: new Map(
      names.map((name, at) => [name, { comment: entries[at]?.comments.join(' ') ?? '', checks: [] }]),
    ),
  }
}
