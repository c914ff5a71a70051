// Writes the fixed part of the index that the host reads.

import { Field, FIELDS, INDEX, INPUT, NONE, Problem } from './layout'

export function clearFields(): void {
  memory.fill(INDEX, 0, FIELDS * 2)
  setField(Field.MaxForwards, NONE)
  setField(Field.ContentLength, NONE)
}

@inline
export function getField(field: Field): i32 {
  return <i32>load<u16>(INDEX + (field << 1))
}

@inline
export function setField(field: Field, value: i32): void {
  store<u16>(INDEX + (field << 1), <u16>value)
}

/** Two fields in a row take a span's offsets. */
@inline
export function setSpan(startField: Field, start: i32, end: i32): void {
  setField(startField, start - INPUT)
  setField(startField + 1, end - INPUT)
}

/** Two fields in a row take a number's upper and lower half. */
export function setNumber(highField: Field, value: u32): void {
  setField(highField, <i32>(value >> 16))
  setField(highField + 1, <i32>(value & 0xffff))
}

/** The first problem found is the one that is told. */
export function report(problem: Problem): void {
  if (getField(Field.Problem) == Problem.Ok) setField(Field.Problem, problem)
}
