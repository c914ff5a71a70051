import { expect, test } from 'bun:test'
import { Hono } from 'hono'
import { HttpListenError, startHttp } from '../../src/api/listen.ts'

const app = new Hono().get('/', (context) => context.text('here'))

test('listens on a free port when asked for 0, answers there, and is gone after stop', async () => {
  const http = startHttp({ host: '127.0.0.1', port: 0 }, app)
  expect(http.address.port).toBeGreaterThan(0)
  expect(http.url).toBe(`http://127.0.0.1:${http.address.port}`)
  expect(await (await fetch(http.url)).text()).toBe('here')
  await http.stop()
  await expect(fetch(http.url)).rejects.toThrow()
})

test('listens on IPv6', async () => {
  const http = startHttp({ host: '::1', port: 0 }, app)
  expect(http.url).toBe(`http://[::1]:${http.address.port}`)
  expect(await (await fetch(http.url)).text()).toBe('here')
  await http.stop()
})

test('says in one sentence that the port is taken', async () => {
  const http = startHttp({ host: '127.0.0.1', port: 0 }, app)
  try {
    expect(() => startHttp(http.address, app)).toThrow(
      new HttpListenError(
        `Cannot listen for HTTP on 127.0.0.1:${http.address.port}: another program uses that port ` +
          '(SIPWITCHES_HTTP sets the address).',
      ),
    )
  } finally {
    await http.stop()
  }
})

test('says that the address is not of this machine', () => {
  // 192.0.2.0/24 is for documentation (RFC 5737).
  expect(() => startHttp({ host: '192.0.2.1', port: 0 }, app)).toThrow('this machine has no such address')
})
