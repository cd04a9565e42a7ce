/**
 * Who holds a Web Lock lives: the platform frees it when a page or a worker ends, however
 * that happens. A `MessagePort` tells nothing of the kind in every browser.
 */

/** A lock that one holds for as long as one lives. */
export interface LifeLock {
  /** Nobody else's. */
  readonly name: string
  release(): void
}

/** @throws `Error` where the platform has no locks: a page that does not come from `https:` or from this machine. */
export function platformLocks(): LockManager {
  const { navigator }: { readonly navigator?: { readonly locks?: LockManager } } = globalThis
  if (navigator?.locks) return navigator.locks
  throw new Error('there is no navigator.locks: browsers have it in secure contexts only (https:)')
}

/** Settles when the lock is held. */
export async function holdLifeLock(locks: LockManager): Promise<LifeLock> {
  const name = `vudo-life-${crypto.randomUUID()}`
  const held = Promise.withResolvers<void>()
  const granted = Promise.withResolvers<void>()
  const whole = locks.request(name, async () => {
    granted.resolve()
    await held.promise
  })
  // It fails before it is granted, or not at all.
  whole.catch(granted.reject)
  await granted.promise
  return { name, release: () => held.resolve() }
}

/** Calls `onEnd` when whoever holds a lock has ended. @returns Stops looking. */
export function watchLife(locks: LockManager, name: string, onEnd: () => void): () => void {
  const stop = new AbortController()
  const watching = locks.request(name, { mode: 'shared', signal: stop.signal }, onEnd)
  // Only that it was stopped.
  watching.catch(() => {})
  return () => stop.abort()
}
