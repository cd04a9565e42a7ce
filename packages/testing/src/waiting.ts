import { WaitTimeoutError } from './errors.ts'
import { DEFAULT_WAIT_MS, WAIT_POLL_MS } from './limits.ts'

/** What `waitFor` takes. */
export interface WaitForOptions {
  /**
   * Milliseconds until it gives up. A limit and not a pause: a true condition ends the wait at once.
   *
   * @defaultValue 15,000
   */
  readonly timeoutMs?: number | undefined
  /** What is waited for, for the message; a function is asked when the wait has failed. */
  readonly describe?: string | (() => string) | undefined
}

/**
 * Waits until `condition` holds. For states that no event tells of; where there is an
 * event or a promise, await that.
 *
 * @throws `WaitTimeoutError` `ERR_WAIT_TIMEOUT`; what `condition` throws passes through.
 */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  options: WaitForOptions = {},
): Promise<void> {
  const { timeoutMs = DEFAULT_WAIT_MS, describe = 'the condition' } = options
  const endMs = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() >= endMs) {
      const what = typeof describe === 'string' ? describe : describe()
      throw new WaitTimeoutError(`${what} did not come true within ${timeoutMs} ms`)
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT_POLL_MS))
  }
}

/**
 * Gives what `promise` gives, if it settles in time. It goes on by itself otherwise:
 * abort what it waits for. Leaves no timer behind.
 *
 * @param what - Names the promise in the message.
 * @throws `WaitTimeoutError` `ERR_WAIT_TIMEOUT`.
 */
export async function withTimeout<T>(
  promise: Promise<T>,
  timeoutMs: number,
  what: string,
): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new WaitTimeoutError(`${what} did not settle within ${timeoutMs} ms`))
  }, timeoutMs)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
