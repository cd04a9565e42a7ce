import { vi } from 'vitest'

export interface TimerWatch {
  /** Timers that were set since the watch began, and neither fired nor were cleared. */
  readonly pending: number
  [Symbol.dispose](): void
}

/** Counts timers, so that a test sees the one that would keep a process alive. */
export function watchTimers(): TimerWatch {
  const pending = new Set<unknown>()
  const { setTimeout: set, clearTimeout: clear } = globalThis
  const settingSpy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((
    callback: () => void,
    delayMs: number,
  ) => {
    const timer = set(() => {
      pending.delete(timer)
      callback()
    }, delayMs)
    pending.add(timer)
    return timer
  }) as typeof setTimeout)
  const clearingSpy = vi.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
    pending.delete(timer)
    clear(timer)
  })
  return {
    get pending() {
      return pending.size
    },
    [Symbol.dispose]() {
      settingSpy.mockRestore()
      clearingSpy.mockRestore()
    },
  }
}
