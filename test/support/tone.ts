// Something to say on the telephone: a tone as a WAV file of 8 kHz, one channel, 16 bits, which PCMU takes as it is.

import { writeFileSync } from 'node:fs'

const RATE_HZ = 8000
const PITCH_HZ = 440
const AMPLITUDE = 8000
const SAMPLE_BYTES = 2
const HEADER_BYTES = 44

export function writeTone(path: string, seconds: number): void {
  const samples = seconds * RATE_HZ
  const file = Buffer.alloc(HEADER_BYTES + samples * SAMPLE_BYTES)
  file.write('RIFF', 0)
  file.writeUInt32LE(file.length - 8, 4)
  file.write('WAVEfmt ', 8)
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(1, 22)
  file.writeUInt32LE(RATE_HZ, 24)
  file.writeUInt32LE(RATE_HZ * SAMPLE_BYTES, 28)
  file.writeUInt16LE(SAMPLE_BYTES, 32)
  file.writeUInt16LE(8 * SAMPLE_BYTES, 34)
  file.write('data', 36)
  file.writeUInt32LE(samples * SAMPLE_BYTES, 40)
  for (let index = 0; index < samples; index++) {
    const sample = Math.round(AMPLITUDE * Math.sin((2 * Math.PI * PITCH_HZ * index) / RATE_HZ))
    file.writeInt16LE(sample, HEADER_BYTES + index * SAMPLE_BYTES)
  }
  writeFileSync(path, file)
}
