// What a peer made up, as it may stand in a row that people read.

import { LIMITS } from '../config.ts'

/** In one line, cut to what every column for such a text holds. */
export function rowText(text: string): string {
  const most = LIMITS.rowText_characters
  const line = text.replace(/[\x00-\x1f\x7f]/g, ' ')
  // A character takes two units at most; one must not be cut in half.
  return line.length <= most ? line : [...line.slice(0, 2 * most)].slice(0, most).join('')
}
