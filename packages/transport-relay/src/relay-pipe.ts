/**
 * One virtual connection: a pipe to another client of the same relay. Sends wait for the far
 * end's credit, so that the relay never has to queue more than it holds; a frame that is
 * missing in the count ends the pipe, because what the relay could not deliver it has dropped.
 */
import { TransportError, type AbortOptions, type Pipe } from '@vudo/transport'
import type { Credit, CreditPool } from './credit-pool.ts'
import { INITIAL_CREDIT_BYTES, INITIAL_CREDIT_FRAMES, MAX_PIPE_MESSAGE_BYTES } from './limits.ts'
import {
  DATA_OVERHEAD_BYTES,
  encodeClose,
  encodeCredit,
  encodeData,
  encodeOpen,
  type PipeAddress,
  type PipeFrame,
} from './pipe-frames.ts'

/** A pipe, and what its relay client does with it. */
export interface RelayPipe extends Pipe {
  /** Who is at the far end: 96 characters of hex. */
  readonly endpoint: string
  /** 8 bytes. */
  readonly id: Uint8Array
  /** Settles when it has ended, whoever ended it. */
  readonly ended: Promise<void>
  /** Why the relay ended it, one of the reset reasons; `undefined` where it did not. */
  readonly resetReason: number | undefined
  /** Takes a frame of the far end. */
  take(frame: PipeFrame): void
  /** The relay has dropped something, or is gone itself: nothing more comes. */
  reset(reason?: number): void
  /** The socket has room again. */
  flush(): void
}

/** What a pipe is made of. */
export interface RelayPipeInit {
  readonly endpoint: string
  readonly address: PipeAddress
  readonly isOpener: boolean
  readonly maxFrameBytes: number
  /** Writes a frame to the relay; taken over. */
  readonly write: (frame: Uint8Array) => void
  /** Whether the socket takes more. */
  readonly hasRoom: () => boolean
  /** What the pipes of one relay share. */
  readonly pool: CreditPool
  readonly onEnded: () => void
}

/** Makes a pipe and says so to the far end. */
export function createRelayPipe(init: RelayPipeInit): RelayPipe {
  return new VirtualPipe(init)
}

interface Waiting<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

class VirtualPipe implements RelayPipe {
  readonly endpoint: string
  readonly id: Uint8Array
  readonly maxMessageBytes: number
  readonly ended: Promise<void>
  resetReason: number | undefined
  readonly #init: RelayPipeInit
  readonly #ended = Promise.withResolvers<void>()
  readonly #sends: (Waiting<void> & { readonly message: Uint8Array })[] = []
  readonly #inbox: Uint8Array[] = []
  readonly #readers: Waiting<Uint8Array | undefined>[] = []
  #sentSequence = 0
  #nextSequence = 0
  /** What the far end lets us send. */
  #mayFrames = INITIAL_CREDIT_FRAMES
  #mayBytes = INITIAL_CREDIT_BYTES
  /** What we let the far end send, and has not been read here. */
  #openFrames = INITIAL_CREDIT_FRAMES
  #openBytes = INITIAL_CREDIT_BYTES
  #inboxBytes = 0
  #isOver = false

  constructor(init: RelayPipeInit) {
    this.#init = init
    this.endpoint = init.endpoint
    this.id = init.address.id
    this.maxMessageBytes = Math.min(
      MAX_PIPE_MESSAGE_BYTES,
      init.maxFrameBytes - DATA_OVERHEAD_BYTES,
    )
    this.ended = this.#ended.promise
    init.pool.enter()
    init.pool.add(INITIAL_CREDIT_FRAMES, INITIAL_CREDIT_BYTES)
    if (init.isOpener) init.write(encodeOpen(init.address))
    this.#grant()
  }

  send(message: Uint8Array): Promise<void> {
    if (this.#isOver) return Promise.reject(ended())
    if (this.#sends.length === 0 && this.#maySend(message)) {
      this.#write(message)
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => this.#sends.push({ message, resolve, reject }))
  }

  #maySend(message: Uint8Array): boolean {
    return this.#mayFrames > 0 && this.#mayBytes >= message.length && this.#init.hasRoom()
  }

  #write(message: Uint8Array): void {
    this.#mayFrames -= 1
    this.#mayBytes -= message.length
    this.#init.write(encodeData(this.#init.address, this.#sentSequence, message))
    this.#sentSequence = (this.#sentSequence + 1) >>> 0
  }

  flush(): void {
    let [next] = this.#sends
    while (next && !this.#isOver && this.#maySend(next.message)) {
      this.#sends.shift()
      this.#write(next.message)
      next.resolve()
      next = this.#sends[0]
    }
  }

  async receive({ signal }: AbortOptions = {}): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted()
    const message = this.#inbox.shift()
    if (message) {
      this.#inboxBytes -= message.length
      this.#read(message)
      return message
    }
    if (this.#isOver) return undefined
    return this.#nextMessage(signal)
  }

  #nextMessage(signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      const leave = (): void => signal?.removeEventListener('abort', onAbort)
      const reader: Waiting<Uint8Array | undefined> = {
        resolve: (value) => {
          leave()
          resolve(value)
        },
        reject,
      }
      const onAbort = (): void => {
        this.#readers.splice(this.#readers.indexOf(reader), 1)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#readers.push(reader)
    })
  }

  take(frame: PipeFrame): void {
    if (this.#isOver) return
    if (frame.kind === 'data') this.#takeData(frame.sequence, frame.message)
    else if (frame.kind === 'credit') this.#takeCredit(frame)
    // An open for a pipe that is open is a breach, and ends it as well.
    else this.#end()
  }

  #takeData(sequence: number, message: Uint8Array): void {
    const isGap = sequence !== this.#nextSequence
    const isCovered =
      this.#inbox.length < this.#openFrames && this.#inboxBytes + message.length <= this.#openBytes
    if (isGap || !isCovered) {
      // Lost on the way, or sent without credit: in both cases this pipe is worth nothing more.
      this.#init.write(encodeClose(this.#init.address))
      return this.#end()
    }
    this.#nextSequence = (sequence + 1) >>> 0
    this.#init.pool.add(-1, -message.length)
    const reader = this.#readers.shift()
    if (!reader) {
      this.#inbox.push(message)
      this.#inboxBytes += message.length
      return
    }
    this.#read(message)
    reader.resolve(message)
  }

  #takeCredit({ frames, bytes }: Credit): void {
    this.#mayFrames = Math.min(this.#mayFrames + frames, 0xffff)
    this.#mayBytes = Math.min(this.#mayBytes + bytes, 0xffff_ffff)
    this.flush()
  }

  #read({ length }: Uint8Array): void {
    this.#openFrames -= 1
    this.#openBytes -= length
    this.#grant()
  }

  /** In halves: a grant for every message would double the frames. */
  #grant(): void {
    if (this.#isOver) return
    const { pool } = this.#init
    const goal = pool.goalFor(this.#underWay(), this.maxMessageBytes)
    // A far end that may not send its next message would wait for ever.
    const lowBytes = Math.max(goal.bytes / 2, this.maxMessageBytes - 1)
    if (this.#openFrames > goal.frames / 2 && this.#openBytes > lowBytes) return
    const frames = Math.max(0, goal.frames - this.#openFrames)
    const bytes = Math.max(0, goal.bytes - this.#openBytes)
    this.#openFrames += frames
    this.#openBytes += bytes
    pool.add(frames, bytes)
    this.#init.write(encodeCredit(this.#init.address, frames, bytes))
  }

  /** What the relay may still hold: what has come and waits here does not count there. */
  #underWay(): Credit {
    return {
      frames: this.#openFrames - this.#inbox.length,
      bytes: this.#openBytes - this.#inboxBytes,
    }
  }

  reset(reason?: number): void {
    if (this.#isOver) return
    this.resetReason = reason
    this.#end()
  }

  close(): Promise<void> {
    if (!this.#isOver) {
      this.#init.write(encodeClose(this.#init.address))
      this.#end()
    }
    return Promise.resolve()
  }

  /** What has come can still be read. */
  #end(): void {
    this.#isOver = true
    const { frames, bytes } = this.#underWay()
    this.#init.pool.add(-frames, -bytes)
    this.#init.pool.leave()
    for (const { reject } of this.#sends.splice(0)) reject(ended())
    for (const { resolve } of this.#readers.splice(0)) resolve(undefined)
    this.#init.onEnded()
    this.#ended.resolve()
  }
}

function ended(): TransportError {
  return new TransportError('ERR_CONNECTION_LOST', 'the relayed connection has ended')
}
