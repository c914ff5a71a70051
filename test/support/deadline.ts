// No wait in a test is without an end: what does not come in time is an error that says what was waited for.

/** The promise's value, or an error naming what did not come within the time. The promise itself is not cancelled. */
export async function within<T>(ms: number, what: () => string, promise: Promise<T>): Promise<T> {
  const expiry = AbortSignal.timeout(ms)
  const late = Promise.withResolvers<never>()
  const expire = () => late.reject(new Error(`not within ${ms} ms: ${what()}`))
  expiry.addEventListener('abort', expire, { once: true })
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    expiry.removeEventListener('abort', expire)
  }
}

/** Lets real time pass: for tests of what ends by itself in a process that has a clock of its own. */
export async function passes(ms: number): Promise<void> {
  const passed = Promise.withResolvers<void>()
  AbortSignal.timeout(ms).addEventListener('abort', () => passed.resolve(), { once: true })
  await passed.promise
}
