/** One connection below a session: sends what the core gives for it, and hands over what comes in. */
import type { Connection } from '@vudo/transport'
import { GOODBYE_TIMEOUT_MS } from './limits.ts'

/** What a path tells its session. */
export interface PathHost {
  /** The next frame for the path; the one before has been sent. */
  takeFrame(path: PathDriver): Uint8Array | undefined
  /** Does what came of taking frames. */
  settle(): void
  received(path: PathDriver, bytes: Uint8Array): void
}

/** Carries frames over one connection until it ends. */
export class PathDriver {
  readonly id: number
  readonly connection: Connection
  readonly #host: PathHost
  /** One frame at a time: the promise of its sending is the back-pressure. */
  #isSending = false
  #isLeft = false

  constructor(id: number, connection: Connection, host: PathHost) {
    this.id = id
    this.connection = connection
    this.#host = host
  }

  /** Sends `first` before anything else: the welcome. */
  begin(first: Uint8Array): void {
    // Owned: it never rejects, and it ends when the connection does.
    void this.#sendAll(first)
  }

  /** Sends what there is to send, unless it is at it. */
  pump(): void {
    if (this.#isSending || this.#isLeft) return
    const frame = this.#host.takeFrame(this)
    if (frame !== undefined) this.begin(frame)
  }

  /** Settles when the connection has ended or the session has left it. Never rejects. */
  async receiveAll(): Promise<void> {
    try {
      while (!this.#isLeft) {
        const bytes = await this.connection.receive()
        if (bytes === undefined || this.#isLeft) return
        this.#host.received(this, bytes)
      }
    } catch {
      // However the connection ended, the session goes on over another one; `closed` has the reason.
    }
  }

  /** The session needs it no more: what comes in is not read. */
  leave(): void {
    this.#isLeft = true
  }

  /** The session is over: tells the peer, and closes. Never rejects. */
  async sayGoodbye(frame: Uint8Array | undefined): Promise<void> {
    this.leave()
    // A peer that does not read must not keep us: after a while the connection closes unsaid.
    const signal = AbortSignal.timeout(GOODBYE_TIMEOUT_MS)
    try {
      if (frame !== undefined) await raced(this.connection.send(frame), signal)
    } catch {
      // It was a courtesy: the peer notices the end of the connection as well.
    }
    await this.connection.close()
  }

  async #sendAll(first: Uint8Array): Promise<void> {
    this.#isSending = true
    let frame: Uint8Array | undefined = first
    try {
      while (frame !== undefined) {
        const sent = this.connection.send(frame)
        this.#host.settle()
        await sent
        // Asked first: a frame that is taken has to be sent.
        frame = this.#isLeft ? undefined : this.#host.takeFrame(this)
      }
      this.#isSending = false
    } catch {
      // The connection has ended, and nothing is sent here any more. Not closed here: what came in
      // before its end, perhaps a goodbye, is still to be received, and the receiving loop ends with it.
    }
    this.#host.settle()
  }
}

async function raced(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const onAbort = (): void => resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
