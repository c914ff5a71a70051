import { describe, expect, test } from 'bun:test'
import { Stage } from './stage.ts'
import type { BenchSubject } from './subject.ts'

class FakeSubject implements BenchSubject {
  readonly folder = ''
  readonly pid = 0
  readonly udp = { host: '127.0.0.1', port: 1 }
  readonly tcp = this.udp
  readonly said: string[] = []

  pids(): readonly number[] {
    return []
  }

  async start(): Promise<void> {
    this.said.push('start')
  }

  async stop(): Promise<void> {
    this.said.push('stop')
  }

  async remove(): Promise<void> {
    this.said.push('remove')
  }
}

describe('a subject', () => {
  test('is started, stopped and removed', async () => {
    const subject = new FakeSubject()
    expect(await new Stage().with(subject, async () => 5)).toBe(5)
    expect(subject.said).toEqual(['start', 'stop', 'remove'])
  })

  test('is removed after an act that fails', async () => {
    const subject = new FakeSubject()
    const act = () => Promise.reject(new Error('no'))
    await expect(new Stage().with(subject, act)).rejects.toThrow('no')
    expect(subject.said).toEqual(['start', 'remove'])
  })

  test('is removed when the stage closes in the middle', async () => {
    const stage = new Stage()
    const subject = new FakeSubject()
    await stage.with(subject, () => stage.close())
    expect(subject.said).toEqual(['start', 'remove', 'stop', 'remove'])
  })

  test('does not enter a closed stage', async () => {
    const stage = new Stage()
    await stage.close()
    const subject = new FakeSubject()
    await expect(stage.with(subject, async () => 5)).rejects.toThrow('closed')
    expect(subject.said).toEqual(['remove'])
  })
})

test('a guest is ended with the stage, unless it has left, and at once when it comes too late', async () => {
  const stage = new Stage()
  const killed: string[] = []
  const guest = (name: string) => ({ kill: () => void killed.push(name) })
  const gone = stage.takes(guest('gone'))
  stage.takes(guest('there'))
  stage.leaves(gone)
  await stage.close()
  stage.takes(guest('late'))
  expect(killed).toEqual(['there', 'late'])
})
