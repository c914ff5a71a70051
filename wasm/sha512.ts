// SHA-512/256 (FIPS 180-4 sections 5.3.6.2 and 6.4): SHA-512 from other initial values, cut to 32 bytes.

import { PADDING, pad } from './pad'
import { SCRATCH } from './layout'

const BLOCK_BYTES = 128
const ROUNDS = 80
const WORD_BYTES = 8

/** The message schedule of one block. */
const SCHEDULE = SCRATCH

/** Fractions of the cube roots of the first 80 primes. The upper halves of the first 64 are those of SHA-256. */
export const ROUND_CONSTANTS = memory.data<u64>([
  0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
  0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
  0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
  0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
  0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
  0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
  0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
  0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
  0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
  0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
  0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
  0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
  0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
  0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
  0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
  0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
  0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
  0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
  0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
  0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
])

let stateA: u64 = 0
let stateB: u64 = 0
let stateC: u64 = 0
let stateD: u64 = 0
let stateE: u64 = 0
let stateF: u64 = 0
let stateG: u64 = 0
let stateH: u64 = 0

/** 32 bytes to `output`. */
export function sha512256(input: i32, length: i32, output: i32): void {
  stateA = 0x22312194fc2bf72c
  stateB = 0x9f555fa3c84c64c2
  stateC = 0x2393b86b6f53b151
  stateD = 0x963877195940eabd
  stateE = 0x96283ee2a88effe3
  stateF = 0xbe5e1e2553863992
  stateG = 0x2b0199fc2c85b8aa
  stateH = 0x0eb72ddc81c52ca2
  const tail = input + (length & -BLOCK_BYTES)
  for (let block = input; block < tail; block += BLOCK_BYTES) compress(block)
  const end = pad(tail, length % BLOCK_BYTES, BLOCK_BYTES, 16)
  store<u64>(end - 8, bswap<u64>(<u64>length << 3))
  for (let block = PADDING; block < end; block += BLOCK_BYTES) compress(block)
  store<u64>(output, bswap(stateA))
  store<u64>(output + 8, bswap(stateB))
  store<u64>(output + 16, bswap(stateC))
  store<u64>(output + 24, bswap(stateD))
}

function scheduled(round: i32): u64 {
  return load<u64>(SCHEDULE + round * WORD_BYTES)
}

function expand(block: i32): void {
  for (let round = 0; round < 16; round++) {
    store<u64>(SCHEDULE + round * WORD_BYTES, bswap(load<u64>(block + round * WORD_BYTES)))
  }
  for (let round = 16; round < ROUNDS; round++) {
    const early = scheduled(round - 15)
    const late = scheduled(round - 2)
    const sigma0 = rotr(early, 1) ^ rotr(early, 8) ^ (early >> 7)
    const sigma1 = rotr(late, 19) ^ rotr(late, 61) ^ (late >> 6)
    store<u64>(SCHEDULE + round * WORD_BYTES, scheduled(round - 16) + sigma0 + scheduled(round - 7) + sigma1)
  }
}

/** The part of a round that goes into both halves of the state. */
function mix(e: u64, f: u64, g: u64, h: u64, round: i32): u64 {
  const choice = g ^ (e & (f ^ g))
  const constant = load<u64>(ROUND_CONSTANTS + round * WORD_BYTES)
  return h + (rotr(e, 14) ^ rotr(e, 18) ^ rotr(e, 41)) + choice + constant + scheduled(round)
}

function mixUpper(a: u64, b: u64, c: u64): u64 {
  const majority = (a & b) | (c & (a | b))
  return (rotr(a, 28) ^ rotr(a, 34) ^ rotr(a, 39)) + majority
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
  let mixed: u64
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
