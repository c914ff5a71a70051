// SHA-256 (FIPS 180-4 section 6.2).

import { PADDING, pad } from './pad'
import { ROUND_CONSTANTS } from './sha512'
import { SCRATCH } from './layout'

const BLOCK_BYTES = 64
const ROUNDS = 64
const WORD_BYTES = 4

/** The message schedule of one block. */
const SCHEDULE = SCRATCH

let stateA: u32 = 0
let stateB: u32 = 0
let stateC: u32 = 0
let stateD: u32 = 0
let stateE: u32 = 0
let stateF: u32 = 0
let stateG: u32 = 0
let stateH: u32 = 0

/** 32 bytes to `output`. */
export function sha256(input: i32, length: i32, output: i32): void {
  stateA = 0x6a09e667
  stateB = 0xbb67ae85
  stateC = 0x3c6ef372
  stateD = 0xa54ff53a
  stateE = 0x510e527f
  stateF = 0x9b05688c
  stateG = 0x1f83d9ab
  stateH = 0x5be0cd19
  const tail = input + (length & -BLOCK_BYTES)
  for (let block = input; block < tail; block += BLOCK_BYTES) compress(block)
  const end = pad(tail, length % BLOCK_BYTES, BLOCK_BYTES, 8)
  store<u64>(end - 8, bswap<u64>(<u64>length << 3))
  for (let block = PADDING; block < end; block += BLOCK_BYTES) compress(block)
  store<u32>(output, bswap(stateA))
  store<u32>(output + 4, bswap(stateB))
  store<u32>(output + 8, bswap(stateC))
  store<u32>(output + 12, bswap(stateD))
  store<u32>(output + 16, bswap(stateE))
  store<u32>(output + 20, bswap(stateF))
  store<u32>(output + 24, bswap(stateG))
  store<u32>(output + 28, bswap(stateH))
}

function scheduled(round: i32): u32 {
  return load<u32>(SCHEDULE + round * WORD_BYTES)
}

function expand(block: i32): void {
  for (let round = 0; round < 16; round++) {
    store<u32>(SCHEDULE + round * WORD_BYTES, bswap(load<u32>(block + round * WORD_BYTES)))
  }
  for (let round = 16; round < ROUNDS; round++) {
    const early = scheduled(round - 15)
    const late = scheduled(round - 2)
    const sigma0 = rotr(early, 7) ^ rotr(early, 18) ^ (early >> 3)
    const sigma1 = rotr(late, 17) ^ rotr(late, 19) ^ (late >> 10)
    store<u32>(SCHEDULE + round * WORD_BYTES, scheduled(round - 16) + sigma0 + scheduled(round - 7) + sigma1)
  }
}

/** The part of a round that goes into both halves of the state. */
function mix(e: u32, f: u32, g: u32, h: u32, round: i32): u32 {
  const choice = g ^ (e & (f ^ g))
  const constant = load<u32>(ROUND_CONSTANTS + round * 8 + 4)
  return h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + choice + constant + scheduled(round)
}

function mixUpper(a: u32, b: u32, c: u32): u32 {
  const majority = (a & b) | (c & (a | b))
  return (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + majority
}

/** Eight rounds for each turn, so that the eight variables change names instead of places. */
function compress(block: i32): void {
  expand(block)
  let a = stateA
  let b = stateB
  let c = stateC
  let d = stateD
  let e = stateE
  let f = stateF
  let g = stateG
  let h = stateH
  let mixed: u32
  for (let round = 0; round < ROUNDS; round += 8) {
    mixed = mix(e, f, g, h, round)
    d += mixed
    h = mixed + mixUpper(a, b, c)
    mixed = mix(d, e, f, g, round + 1)
    c += mixed
    g = mixed + mixUpper(h, a, b)
    mixed = mix(c, d, e, f, round + 2)
    b += mixed
    f = mixed + mixUpper(g, h, a)
    mixed = mix(b, c, d, e, round + 3)
    a += mixed
    e = mixed + mixUpper(f, g, h)
    mixed = mix(a, b, c, d, round + 4)
    h += mixed
    d = mixed + mixUpper(e, f, g)
    mixed = mix(h, a, b, c, round + 5)
    g += mixed
    c = mixed + mixUpper(d, e, f)
    mixed = mix(g, h, a, b, round + 6)
    f += mixed
    b = mixed + mixUpper(c, d, e)
    mixed = mix(f, g, h, a, round + 7)
    e += mixed
    a = mixed + mixUpper(b, c, d)
  }
  stateA += a
  stateB += b
  stateC += c
  stateD += d
  stateE += e
  stateF += f
  stateG += g
  stateH += h
}
