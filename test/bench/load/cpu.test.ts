import { expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import { Program } from '../../support/program.ts'
import { cpu_us, processTree } from './cpu.ts'

const WITHIN_MS = 10_000

test('a process counts with all that it has started, also later', async () => {
  // The shell waits for a child that has used some CPU and reads on.
  const child = "let n = 0; while (n < 1e8) n++; console.log('ready'); await Bun.stdin.text()"
  const script = `"${process.execPath}" -e "${child}"; :`
  const shell = new Program(['sh', '-c', script], { folder: tmpdir(), input: true })
  try {
    await shell.prints(/^ready$/m, WITHIN_MS)
    const tree = processTree(shell.pid)
    expect(tree.length).toBeGreaterThanOrEqual(2)
    expect(cpu_us(tree)).toBeGreaterThan(10 * cpu_us([shell.pid]))
  } finally {
    shell.endInput()
    await shell.exited(WITHIN_MS)
  }
})
