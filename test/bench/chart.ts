// Pictures as SVG, readable on light and on dark pages.

export interface Bars {
  readonly title: string
  /** What the two bars of each group are. */
  readonly names: readonly [string, string]
  readonly groups: readonly { readonly label: string; readonly values: readonly [number, number] }[]
}

export interface Lines {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly { readonly name: string; readonly points: readonly Point[] }[]
}

interface Point {
  readonly x: number
  readonly y: number
}

const WIDTH = 640
const STYLE = `text{font:12px sans-serif;fill:#222}.title{font-weight:bold}.axis{stroke:#888;stroke-width:1}
.s0{fill:#8a8f98;stroke:#8a8f98}.s1{fill:#2f6fde;stroke:#2f6fde}.line{fill:none;stroke-width:2}
@media (prefers-color-scheme:dark){text{fill:#ddd}.s0{fill:#9aa0aa;stroke:#9aa0aa}.s1{fill:#6ea0ff;stroke:#6ea0ff}}`

const BAR_LEFT = 130
const BAR_RIGHT = 60
const BAR_TOP = 56
const BAR_HEIGHT = 11
const GROUP_HEIGHT = 32

export function barChart({ title, names, groups }: Bars): string {
  const most = Math.max(...groups.flatMap(({ values }) => values.filter(Number.isFinite)))
  const scale = (WIDTH - BAR_LEFT - BAR_RIGHT) / most
  const bars = groups.flatMap(({ label, values }, group) => {
    const top = BAR_TOP + group * GROUP_HEIGHT
    return [
      text(BAR_LEFT - 8, top + BAR_HEIGHT + 4, label, 'end'),
      ...values.map((value, n) => bar(n, top + n * (BAR_HEIGHT + 1), value, value * scale)),
    ]
  })
  return document(title, BAR_TOP + groups.length * GROUP_HEIGHT + 8, [...legend(names), ...bars])
}

function bar(n: number, top: number, value: number, width: number): string {
  const rectangle = `<rect class="s${n}" x="${BAR_LEFT}" y="${top}" width="${round(width)}" height="${BAR_HEIGHT}"/>`
  return rectangle + text(BAR_LEFT + width + 5, top + BAR_HEIGHT - 1, short(value))
}

const PLOT = { left: 60, right: WIDTH - 20, top: 76, bottom: 316 }
const Y_MARKS = 4

/** The x axis is logarithmic, from power of ten to power of ten; the y axis begins at 0, so that flat looks flat. */
export function lineChart({ title, xLabel, yLabel, series }: Lines): string {
  const points = series.flatMap((one) => one.points)
  const most = niceAbove(Math.max(...points.map(({ y }) => y)))
  const powers = points.map(({ x }) => Math.log10(x))
  const first = Math.floor(Math.min(...powers))
  const last = Math.max(Math.ceil(Math.max(...powers)), first + 1)
  const atX = (x: number) => PLOT.left + ((Math.log10(x) - first) / (last - first)) * (PLOT.right - PLOT.left)
  const atY = (y: number) => PLOT.bottom - (y / most) * (PLOT.bottom - PLOT.top)
  const curves = series.map((one, n) => {
    const places = one.points.map(({ x, y }) => [round(atX(x)), round(atY(y))] as const)
    const dots = places.map(([x, y]) => `<circle class="s${n}" cx="${x}" cy="${y}" r="3"/>`)
    return `<polyline class="line s${n}" points="${places.map((place) => place.join(',')).join(' ')}"/>${dots.join('')}`
  })
  return document(title, PLOT.bottom + 44, [
    ...legend(series.map(({ name }) => name)),
    ...axes(first, last, most, atX, atY),
    text(PLOT.right, PLOT.bottom + 36, xLabel, 'end'),
    text(PLOT.left - 8, PLOT.top - 8, yLabel, 'end'),
    ...curves,
  ])
}

function axes(
  first: number,
  last: number,
  most: number,
  atX: (x: number) => number,
  atY: (y: number) => number,
): string[] {
  const marksX = Array.from({ length: last - first + 1 }, (_, n) => 10 ** (first + n))
  const marksY = Array.from({ length: Y_MARKS + 1 }, (_, n) => (most / Y_MARKS) * n)
  return [
    line(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom),
    line(PLOT.left, PLOT.top, PLOT.left, PLOT.bottom),
    ...marksX.map((x) => text(atX(x), PLOT.bottom + 18, thousands(x), 'middle')),
    ...marksY.map((y) => text(PLOT.left - 8, atY(y) + 4, short(y), 'end')),
  ]
}

function document(title: string, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escaped(title)}</title><style>${STYLE}</style>`,
    `<text class="title" x="8" y="20">${escaped(title)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

function legend(names: readonly string[]): string[] {
  const step = 150
  return names.map((name, n) => {
    const x = 8 + n * step
    return `<rect class="s${n}" x="${x}" y="30" width="11" height="11"/>${text(x + 16, 40, name)}`
  })
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="axis" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end' = 'start'): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function short(value: number): string {
  return String(value < 100 ? round(value) : Math.round(value))
}

function thousands(value: number): string {
  if (value >= 1_000_000) return `${value / 1_000_000} M`
  return value >= 1000 ? `${value / 1000} k` : String(value)
}

/** 1, 2, 4 or 8 times a power of ten: it can be divided by four. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 4, 8].find((times) => times * power >= value) ?? 10) * power
}
