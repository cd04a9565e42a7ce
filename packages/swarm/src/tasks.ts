/** Owns the promises nobody else waits for, so that closing can. */
export interface Tasks {
  /** Watches over `task`, which handles its own errors: rejecting is a mistake in the program. */
  add(task: Promise<void>): void
  /** Settles when none is left. */
  settled(): Promise<void>
}

/** Makes an empty set of tasks. It is as large as what its owner allows to be under way. */
export function createTasks(): Tasks {
  const running = new Set<Promise<void>>()
  return {
    add: (task) => {
      const watched = task.finally(() => running.delete(watched))
      running.add(watched)
    },
    settled: async () => {
      while (running.size > 0) {
        // Tasks may begin others on their way out.
        // oxlint-disable-next-line no-await-in-loop
        await Promise.all(running)
      }
    },
  }
}
