// Passwords: made, or read from where a shell's history does not keep them.

import { CommandFailure, EXIT } from './exit.ts'

/** Nothing that is mistaken for another when it is read aloud or typed on a desk phone: no i, l, o, 0, 1. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789'
const GROUPS = 4
const GROUP_CHARACTERS = 4

/** 79 bits: MD5 digests can be guessed offline by whoever hears one, so this must be more than a person would type. */
export function generatePassword(): string {
  const random = crypto.getRandomValues(new Uint32Array(GROUPS * GROUP_CHARACTERS))
  // 2^32 is so far above 31 that the remainder favours no character.
  const characters = Array.from(random, (value) => ALPHABET[value % ALPHABET.length])
  return Array.from({ length: GROUPS }, (_, group) =>
    characters.slice(group * GROUP_CHARACTERS, (group + 1) * GROUP_CHARACTERS).join(''),
  ).join('-')
}

/** The password of an option; `-` reads the first line of standard input. */
export async function passwordOf(option: string): Promise<string> {
  const password = option === '-' ? await firstLineOfInput() : option
  const problem = passwordProblem(password)
  if (problem !== null) throw new CommandFailure(EXIT.data, `The password ${problem}.`)
  return password
}

/** Not more than the line: a person who types it ends it with Enter, not with the end of the input. */
async function firstLineOfInput(): Promise<string> {
  for await (const line of console) return line
  return ''
}

const PASSWORD_CHARACTERS_MAX = 128

/** What is wrong with it, as the end of a sentence. */
export function passwordProblem(password: string): string | null {
  if (password === '') return 'is empty'
  if (password.length > PASSWORD_CHARACTERS_MAX) return `is longer than ${PASSWORD_CHARACTERS_MAX} characters`
  // No phone's form takes them, so they come from a broken file.
  if (/[\u0000-\u001f\u007f]/.test(password)) return 'has control characters'
  return null
}
