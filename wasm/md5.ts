// MD5 (RFC 1321). Broken as a signature, still what most phones' digests are made of (RFC 3261 section 22.4).

import { PADDING, pad } from './pad'

const BLOCK_BYTES = 64

let stateA: u32 = 0
let stateB: u32 = 0
let stateC: u32 = 0
let stateD: u32 = 0

/** 16 bytes to `output`. */
export function md5(input: i32, length: i32, output: i32): void {
  stateA = 0x67452301
  stateB = 0xefcdab89
  stateC = 0x98badcfe
  stateD = 0x10325476
  const tail = input + (length & -BLOCK_BYTES)
  for (let block = input; block < tail; block += BLOCK_BYTES) compress(block)
  const end = pad(tail, length % BLOCK_BYTES, BLOCK_BYTES, 8)
  store<u64>(end - 8, <u64>length << 3)
  for (let block = PADDING; block < end; block += BLOCK_BYTES) compress(block)
  store<u32>(output, stateA)
  store<u32>(output + 4, stateB)
  store<u32>(output + 8, stateC)
  store<u32>(output + 12, stateD)
}

function compress(block: i32): void {
  const a = stateA
  const b = stateB
  const c = stateC
  const d = stateD
  firstRound(block)
  secondRound(block)
  thirdRound(block)
  fourthRound(block)
  stateA += a
  stateB += b
  stateC += c
  stateD += d
}

function word(block: i32, index: i32): u32 {
  return load<u32>(block + index * 4)
}

function mixF(a: u32, b: u32, c: u32, d: u32, addend: u32, shift: u32): u32 {
  return b + rotl(a + (d ^ (b & (c ^ d))) + addend, shift)
}

function mixG(a: u32, b: u32, c: u32, d: u32, addend: u32, shift: u32): u32 {
  return b + rotl(a + (c ^ (d & (b ^ c))) + addend, shift)
}

function mixH(a: u32, b: u32, c: u32, d: u32, addend: u32, shift: u32): u32 {
  return b + rotl(a + (b ^ c ^ d) + addend, shift)
}

function mixI(a: u32, b: u32, c: u32, d: u32, addend: u32, shift: u32): u32 {
  return b + rotl(a + (c ^ (b | ~d)) + addend, shift)
}

function firstRound(block: i32): void {
  let a = stateA
  let b = stateB
  let c = stateC
  let d = stateD
  a = mixF(a, b, c, d, word(block, 0) + 0xd76aa478, 7)
  d = mixF(d, a, b, c, word(block, 1) + 0xe8c7b756, 12)
  c = mixF(c, d, a, b, word(block, 2) + 0x242070db, 17)
  b = mixF(b, c, d, a, word(block, 3) + 0xc1bdceee, 22)
  a = mixF(a, b, c, d, word(block, 4) + 0xf57c0faf, 7)
  d = mixF(d, a, b, c, word(block, 5) + 0x4787c62a, 12)
  c = mixF(c, d, a, b, word(block, 6) + 0xa8304613, 17)
  b = mixF(b, c, d, a, word(block, 7) + 0xfd469501, 22)
  a = mixF(a, b, c, d, word(block, 8) + 0x698098d8, 7)
  d = mixF(d, a, b, c, word(block, 9) + 0x8b44f7af, 12)
  c = mixF(c, d, a, b, word(block, 10) + 0xffff5bb1, 17)
  b = mixF(b, c, d, a, word(block, 11) + 0x895cd7be, 22)
  a = mixF(a, b, c, d, word(block, 12) + 0x6b901122, 7)
  d = mixF(d, a, b, c, word(block, 13) + 0xfd987193, 12)
  c = mixF(c, d, a, b, word(block, 14) + 0xa679438e, 17)
  b = mixF(b, c, d, a, word(block, 15) + 0x49b40821, 22)
  stateA = a
  stateB = b
  stateC = c
  stateD = d
}

function secondRound(block: i32): void {
  let a = stateA
  let b = stateB
  let c = stateC
  let d = stateD
  a = mixG(a, b, c, d, word(block, 1) + 0xf61e2562, 5)
  d = mixG(d, a, b, c, word(block, 6) + 0xc040b340, 9)
  c = mixG(c, d, a, b, word(block, 11) + 0x265e5a51, 14)
  b = mixG(b, c, d, a, word(block, 0) + 0xe9b6c7aa, 20)
  a = mixG(a, b, c, d, word(block, 5) + 0xd62f105d, 5)
  d = mixG(d, a, b, c, word(block, 10) + 0x02441453, 9)
  c = mixG(c, d, a, b, word(block, 15) + 0xd8a1e681, 14)
  b = mixG(b, c, d, a, word(block, 4) + 0xe7d3fbc8, 20)
  a = mixG(a, b, c, d, word(block, 9) + 0x21e1cde6, 5)
  d = mixG(d, a, b, c, word(block, 14) + 0xc33707d6, 9)
  c = mixG(c, d, a, b, word(block, 3) + 0xf4d50d87, 14)
  b = mixG(b, c, d, a, word(block, 8) + 0x455a14ed, 20)
  a = mixG(a, b, c, d, word(block, 13) + 0xa9e3e905, 5)
  d = mixG(d, a, b, c, word(block, 2) + 0xfcefa3f8, 9)
  c = mixG(c, d, a, b, word(block, 7) + 0x676f02d9, 14)
  b = mixG(b, c, d, a, word(block, 12) + 0x8d2a4c8a, 20)
  stateA = a
  stateB = b
  stateC = c
  stateD = d
}

function thirdRound(block: i32): void {
  let a = stateA
  let b = stateB
  let c = stateC
  let d = stateD
  a = mixH(a, b, c, d, word(block, 5) + 0xfffa3942, 4)
  d = mixH(d, a, b, c, word(block, 8) + 0x8771f681, 11)
  c = mixH(c, d, a, b, word(block, 11) + 0x6d9d6122, 16)
  b = mixH(b, c, d, a, word(block, 14) + 0xfde5380c, 23)
  a = mixH(a, b, c, d, word(block, 1) + 0xa4beea44, 4)
  d = mixH(d, a, b, c, word(block, 4) + 0x4bdecfa9, 11)
  c = mixH(c, d, a, b, word(block, 7) + 0xf6bb4b60, 16)
  b = mixH(b, c, d, a, word(block, 10) + 0xbebfbc70, 23)
  a = mixH(a, b, c, d, word(block, 13) + 0x289b7ec6, 4)
  d = mixH(d, a, b, c, word(block, 0) + 0xeaa127fa, 11)
  c = mixH(c, d, a, b, word(block, 3) + 0xd4ef3085, 16)
  b = mixH(b, c, d, a, word(block, 6) + 0x04881d05, 23)
  a = mixH(a, b, c, d, word(block, 9) + 0xd9d4d039, 4)
  d = mixH(d, a, b, c, word(block, 12) + 0xe6db99e5, 11)
  c = mixH(c, d, a, b, word(block, 15) + 0x1fa27cf8, 16)
  b = mixH(b, c, d, a, word(block, 2) + 0xc4ac5665, 23)
  stateA = a
  stateB = b
  stateC = c
  stateD = d
}

function fourthRound(block: i32): void {
  let a = stateA
  let b = stateB
  let c = stateC
  let d = stateD
  a = mixI(a, b, c, d, word(block, 0) + 0xf4292244, 6)
  d = mixI(d, a, b, c, word(block, 7) + 0x432aff97, 10)
  c = mixI(c, d, a, b, word(block, 14) + 0xab9423a7, 15)
  b = mixI(b, c, d, a, word(block, 5) + 0xfc93a039, 21)
  a = mixI(a, b, c, d, word(block, 12) + 0x655b59c3, 6)
  d = mixI(d, a, b, c, word(block, 3) + 0x8f0ccc92, 10)
  c = mixI(c, d, a, b, word(block, 10) + 0xffeff47d, 15)
  b = mixI(b, c, d, a, word(block, 1) + 0x85845dd1, 21)
  a = mixI(a, b, c, d, word(block, 8) + 0x6fa87e4f, 6)
  d = mixI(d, a, b, c, word(block, 15) + 0xfe2ce6e0, 10)
  c = mixI(c, d, a, b, word(block, 6) + 0xa3014314, 15)
  b = mixI(b, c, d, a, word(block, 13) + 0x4e0811a1, 21)
  a = mixI(a, b, c, d, word(block, 4) + 0xf7537e82, 6)
  d = mixI(d, a, b, c, word(block, 11) + 0xbd3af235, 10)
  c = mixI(c, d, a, b, word(block, 2) + 0x2ad7d2bb, 15)
  b = mixI(b, c, d, a, word(block, 9) + 0xeb86d391, 21)
  stateA = a
  stateB = b
  stateC = c
  stateD = d
}
