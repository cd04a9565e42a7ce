import process from 'node:process'

/** Waits for Ctrl-C (or SIGTERM), for commands that run until then. */
export interface Interrupt {
  /** Settles at the first signal. */
  readonly promise: Promise<void>
  readonly happened: boolean
  /** Gives the signals back. Call it when the command ends by itself. */
  release(): void
}

/** Takes over SIGINT and SIGTERM until `release`. A second signal ends the process at once, as usual. */
export function untilInterrupted(): Interrupt {
  const settled = Promise.withResolvers<void>()
  let happened = false
  const release = (): void => {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
  function onSignal(): void {
    happened = true
    release()
    settled.resolve()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return {
    promise: settled.promise,
    get happened() {
      return happened
    },
    release,
  }
}

/** Ctrl-C ended a command before it was done: no error to print, and an exit status of its own. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'

  constructor() {
    super('stopped by Ctrl-C')
  }
}
