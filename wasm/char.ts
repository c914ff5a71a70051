// Bytes, and the classes of bytes in the grammar of RFC 3261 section 25.1.

import { CHAR_CLASSES, CLASS_VECTORS, CLASS_VECTORS_BYTES } from './layout'

export const enum Char {
  Tab = 0x09,
  LineFeed = 0x0a,
  CarriageReturn = 0x0d,
  Space = 0x20,
  Quote = 0x22,
  Percent = 0x25,
  Comma = 0x2c,
  Dot = 0x2e,
  Slash = 0x2f,
  Zero = 0x30,
  Colon = 0x3a,
  Semicolon = 0x3b,
  Less = 0x3c,
  Equals = 0x3d,
  Greater = 0x3e,
  Question = 0x3f,
  At = 0x40,
  BracketOpen = 0x5b,
  Backslash = 0x5c,
  BracketClose = 0x5d,
  Delete = 0x7f,
}

/** A byte's classes are bits of its entry in CHAR_CLASSES. */
export const enum Class {
  Token = 1,
  /** hostname, and `_`, which names of machines do have. */
  Host = 2,
  /** Inside the brackets of an IPv6reference. */
  Ipv6 = 4,
  /** user. Also a raw `#` and UTF-8, which phones send where the grammar wants escapes. */
  User = 8,
  Visible = 16,
  /** What a URI may hold at all: visible, and none of `<`, `>` and `"`. */
  Uri = 32,
  /** Value of a parameter: wider than token / host, since base64 and paths are seen there. */
  ParamValue = 64,
  /** A display name without quotes, or an addr-spec: what does not end either. */
  Display = 128,
}

export function is(char: i32, which: Class): bool {
  return (<i32>load<u8>(CHAR_CLASSES + char) & which) != 0
}

export function isDigit(char: i32): bool {
  return <u32>(char - Char.Zero) < 10
}

export function isLetter(char: i32): bool {
  return <u32>((char | 0x20) - 0x61) < 26
}

export function isHexDigit(char: i32): bool {
  return isDigit(char) || <u32>((char | 0x20) - 0x61) < 6
}

/** WSP. */
export function isBlank(char: i32): bool {
  return char == Char.Space || char == Char.Tab
}

/** LWS: inside a header's value a line end is always part of a fold, the line scan has seen to that. */
export function isSpace(char: i32): bool {
  return isBlank(char) || char == Char.CarriageReturn || char == Char.LineFeed
}

/** `wanted` is a string of ASCII characters. */
function isOneOf(char: i32, wanted: string): bool {
  for (let i = 0, length = wanted.length; i < length; i++) {
    if (wanted.charCodeAt(i) == char) return true
  }
  return false
}

function classesOf(char: i32): i32 {
  const alphanumeric = isLetter(char) || isDigit(char)
  const visible = char > Char.Space && char != Char.Delete
  let classes = 0
  if (alphanumeric || isOneOf(char, "-.!%*_+`'~")) classes |= Class.Token
  if (alphanumeric || isOneOf(char, '-._')) classes |= Class.Host
  if (isHexDigit(char) || isOneOf(char, ':.')) classes |= Class.Ipv6
  if (alphanumeric || isOneOf(char, "-_.!~*'()%&=+$,;?/#") || char >= 0x80) classes |= Class.User
  if (visible) classes |= Class.Visible
  if (visible && !isOneOf(char, '<>"')) classes |= Class.Uri
  if (visible && !isOneOf(char, '<>",;')) classes |= Class.ParamValue
  if ((visible || isSpace(char)) && !isOneOf(char, '<>",;?')) classes |= Class.Display
  return classes
}

for (let char = 0; char < 256; char++) store<u8>(CHAR_CLASSES + char, <u8>classesOf(char))

/** The two tables by which sixteen bytes are tested at once; `skipRun` in step.ts uses them. */
export function vectorsOf(which: Class): i32 {
  return CLASS_VECTORS + ctz<i32>(which) * CLASS_VECTORS_BYTES
}

/**
 * Table one has a byte for each low half of a character, with a bit for each high half: set when that character
 * belongs. Table two turns the high half into that bit. Above ASCII it gives no bit (which every byte of table one
 * satisfies) when those belong, and all eight (which none does: no class has all control characters) otherwise.
 */
function defineVectors(which: Class): void {
  const vectors = vectorsOf(which)
  for (let char = 0; char < 0x80; char++) {
    const row = vectors + (char & 0x0f)
    if (is(char, which)) store<u8>(row, <u8>(<i32>load<u8>(row) | bitOf(char >> 4)))
  }
  for (let high = 0; high < 16; high++) {
    const bits = high < 8 ? bitOf(high) : is(0x80, which) ? 0 : 0xff
    store<u8>(vectors + 16 + high, <u8>bits)
  }
}

function bitOf(high: i32): i32 {
  return 1 << high
}

for (let which = 1; which < 256; which <<= 1) defineVectors(which)
