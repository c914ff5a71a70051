import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MEMORY_END, MEMORY_PAGES } from '../../wasm/layout.ts'

const wasm = readFileSync(join(import.meta.dir, '../../build/core.wasm'))
const module = new WebAssembly.Module(wasm)

test('the core can do nothing but compute: it imports nothing', () => {
  expect(WebAssembly.Module.imports(module)).toEqual([])
})

test('the core exports its five functions and its memory', () => {
  const exports = WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`)
  expect(exports.sort()).toEqual([
    'function checkResponse',
    'function hash',
    'function mac',
    'function scan',
    'function scanCredentials',
    'memory memory',
  ])
})

test('the memory holds every region and cannot grow', () => {
  // The cast: the test above has shown what the export is.
  const memory = new WebAssembly.Instance(module).exports.memory as WebAssembly.Memory
  expect(memory.buffer.byteLength).toBe(MEMORY_PAGES * 65536)
  expect(memory.buffer.byteLength).toBeGreaterThanOrEqual(MEMORY_END)
  expect(() => memory.grow(1)).toThrow()
})
