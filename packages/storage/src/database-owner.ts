import { StoreError } from './errors.ts'
import { OWNER_LEAVES_MS } from './limits.ts'

/**
 * Makes this page or worker the owner of the database `name`: the Web Lock of that name
 * (Web Locks API). The browser gives it back when its holder ends, however that happens.
 *
 * @returns Gives it back; settles when somebody else can have it.
 * @throws `StoreError` `ERR_STORE_LOCKED`, or `ERR_STORE_UNREADABLE` where there are no Web Locks.
 */
export async function ownDatabase(name: string): Promise<() => Promise<void>> {
  const locks = lockManager()
  const released = Promise.withResolvers<void>()
  const granted = Promise.withResolvers<void>()
  const held = locks.request(
    `vudo-storage:${name}`,
    { signal: AbortSignal.timeout(OWNER_LEAVES_MS) },
    () => {
      granted.resolve()
      return released.promise
    },
  )
  held.catch(granted.reject)
  try {
    await granted.promise
  } catch (error) {
    throw refusal(name, error)
  }
  return async () => {
    released.resolve()
    // Somebody may have stolen it; whoever gives it back has nothing to do with that.
    await held.catch(() => undefined)
  }
}

function lockManager(): LockManager {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- absent where the page came over plain HTTP
  const locks = navigator.locks as LockManager | undefined
  if (locks) return locks
  throw new StoreError(
    'ERR_STORE_UNREADABLE',
    'this page has no Web Locks, so nobody can own a store',
    {
      hint: 'serve the page over https, or from localhost',
    },
  )
}

function refusal(name: string, error: unknown): StoreError {
  // Older browsers do not give the reason of the signal.
  if (error instanceof Error && ['TimeoutError', 'AbortError'].includes(error.name)) {
    return new StoreError(
      'ERR_STORE_LOCKED',
      `the store "${name}" is open in another tab or worker, or elsewhere in this one`,
      { hint: 'close it there, let that one do the work, or open another store', cause: error },
    )
  }
  return new StoreError('ERR_STORE_UNREADABLE', `the store "${name}" cannot be owned`, {
    cause: error,
    hint: 'see whether this browser lets this page store anything',
  })
}
