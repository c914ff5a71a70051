import { expect, test } from 'bun:test'
import { withPart } from './document.ts'

const PAGE = 'before\n\n<!-- measured: a -->\n\nold\n\n<!-- end: a -->\n\nafter\n'

test('what was measured takes the place of what stood there', () => {
  const page = withPart(PAGE, 'a', '| new |')
  expect(page).toBe('before\n\n<!-- measured: a -->\n\n| new |\n\n<!-- end: a -->\n\nafter\n')
  expect(withPart(page, 'a', 'old')).toBe(PAGE)
})

test('a page without the place is an error', () => {
  expect(() => withPart(PAGE, 'b', '')).toThrow('has no place for b')
})
