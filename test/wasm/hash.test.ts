import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { core, memory } from '../../src/sip/core.ts'
import { AlgorithmId, HASH_INPUT, HASH_INPUT_BYTES_MAX, HASH_OUTPUT } from '../../wasm/layout.ts'
import { Random } from '../support/random.ts'

const random = new Random(1321)
const noise = Buffer.from(Array.from({ length: HASH_INPUT_BYTES_MAX }, () => random.below(256)))

function hash(algorithm: AlgorithmId, input: Uint8Array, outputBytes: number): string {
  memory.set(input, HASH_INPUT)
  core.hash(algorithm, input.length)
  return memory.toString('hex', HASH_OUTPUT, HASH_OUTPUT + outputBytes)
}

test.each([
  ['md5', AlgorithmId.MD5, 16],
  ['sha256', AlgorithmId.SHA256, 32],
  ['sha512-256', AlgorithmId.SHA512256, 32],
] as const)('%s is what OpenSSL makes of every length', (name, algorithm, bytes) => {
  // Up to 300 every way that a message can end in its last block is there, for blocks of 64 and of 128 bytes.
  const lengths = [...Array(301).keys(), HASH_INPUT_BYTES_MAX - 1, HASH_INPUT_BYTES_MAX]
  for (const length of lengths) {
    const input = noise.subarray(0, length)
    expect(`${length} ${hash(algorithm, input, bytes)}`).toBe(
      `${length} ${createHash(name).update(input).digest('hex')}`,
    )
  }
})

test('the test words of the standards', () => {
  // RFC 1321 appendix A.5 and FIPS 180-4's example message.
  expect(hash(AlgorithmId.MD5, Buffer.from('message digest'), 16)).toBe('f96b697d7cb7938d525a2f31aaf161d0')
  expect(hash(AlgorithmId.SHA256, Buffer.from('abc'), 32)).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
  expect(hash(AlgorithmId.SHA512256, Buffer.from('abc'), 32)).toBe(
    '53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23',
  )
})
