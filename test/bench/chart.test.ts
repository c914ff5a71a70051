import { describe, expect, test } from 'bun:test'
import { barChart, lineChart } from './chart.ts'

/** Throws where an element is not closed. */
function elements(svg: string): string[] {
  const open: string[] = []
  const all: string[] = []
  for (const [, close, name = '', empty] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (close === '/') expect(open.pop()).toBe(name)
    else {
      all.push(name)
      if (empty !== '/') open.push(name)
    }
  }
  expect(open).toEqual([])
  return all
}

const numbers = (svg: string, name: string) =>
  [...svg.matchAll(new RegExp(`\\b${name}="([-\\d.]+)"`, 'g'))].map(([, value]) => Number(value))

describe('bars', () => {
  const svg = barChart({
    title: 'CPU & more',
    names: ['Kamailio', 'ours'],
    groups: [
      { label: 'options', values: [10, 5] },
      { label: 'call', values: [100, 200] },
    ],
  })

  test('are well-formed, with two bars for each group and two for the legend', () => {
    expect(elements(svg).filter((name) => name === 'rect')).toHaveLength(6)
    expect(svg).toContain('CPU &amp; more')
  })

  test('are as long as their values', () => {
    const [, , a = 0, b = 0, c = 0, d = 0] = numbers(svg, 'width')
    expect(a / b).toBeCloseTo(2, 1)
    expect(d / c).toBeCloseTo(2, 1)
    expect(c / a).toBeCloseTo(10, 1)
  })
})

describe('lines', () => {
  const points = [1000, 10_000, 100_000].map((x) => ({ x, y: 80 }))
  const svg = lineChart({
    title: 'Flat',
    xLabel: 'bindings',
    yLabel: 'us',
    series: [{ name: 'refresh', points }],
  })

  test('are well-formed, with a dot for each point', () => {
    expect(elements(svg).filter((name) => name === 'circle')).toHaveLength(3)
  })

  test('what is flat looks flat, and powers of ten lie equally far apart', () => {
    const [x1 = 0, x2 = 0, x3 = 0] = numbers(svg, 'cx')
    expect(x3 - x2).toBeCloseTo(x2 - x1, 0)
    expect(new Set(numbers(svg, 'cy')).size).toBe(1)
  })

  test('one point alone is drawn, too', () => {
    const [point] = points
    const alone = { title: 'One', xLabel: '', yLabel: '', series: [{ name: 'a', points: [point!] }] }
    expect(numbers(lineChart(alone), 'cx')).toHaveLength(1)
  })
})
