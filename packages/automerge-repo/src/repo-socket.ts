import type { EventEmitter } from 'node:events'
import { WebSocket, type RawData } from 'ws'
import { decodeMessage } from './cbor-message.ts'
import { AutomergeRepoError } from './errors.ts'
import {
  KEEP_ALIVE_MS,
  MAX_FIRST_BYTES,
  MAX_PEER_BYTES,
  MAX_WAITING_BYTES,
  MAX_WAITING_MESSAGES,
  MAX_SERVED_BYTES,
} from './limits.ts'
import { malformed, type Fields } from './repo-messages.ts'
import { SharedBytes } from './shared-bytes.ts'

/** Reads a WebSocket one message after the other, no faster than they are worked on. */
export class RepoSocket {
  readonly #socket: WebSocket
  readonly #queue: Uint8Array[] = []
  #queuedBytes = 0
  /** Bytes that have come since the last whole message. */
  #unfinishedBytes = 0
  #hasSpoken = false
  #hasEnded = false
  #isWorking = false
  readonly #held: SharedBytes
  readonly #giveUp = (): void =>
    this.end(
      new AutomergeRepoError('ERR_REPO_SLOW', 'a peer holds the most bytes of all', {
        hint: syncsAnew,
      }),
    )
  #isAlive = true
  readonly #keepAlive: NodeJS.Timeout
  /** Settles with the error that ended it; without one when either end closed it. */
  readonly closed: Promise<unknown>
  readonly #onMessage: (fields: Fields) => Promise<void>
  readonly #ended = Promise.withResolvers<unknown>()

  /**
   * @param onMessage - What it rejects with ends the socket.
   * @param held - What all sockets hold together.
   */
  constructor(
    socket: WebSocket,
    onMessage: (fields: Fields) => Promise<void>,
    held: SharedBytes = new SharedBytes(MAX_SERVED_BYTES),
  ) {
    this.#held = held
    this.#socket = socket
    this.#onMessage = onMessage
    this.closed = this.#ended.promise
    socket.on('message', (data) => this.#take(data))
    socket.on('pong', () => {
      this.#hearAgain()
      // It is a frame of its own, with an empty body: no part of a message.
      this.#unfinishedBytes = Math.max(0, this.#unfinishedBytes - PONG_BYTES)
    })
    // The end follows; what the socket says of it is the reason.
    socket.on('error', (error) => this.#ended.resolve(error))
    socket.on('close', () => this.#finish())
    this.#keepAlive = setInterval(() => this.#ping(), KEEP_ALIVE_MS)
  }

  /** Counts what comes on the connection below, where messages are not whole yet. */
  watch(stream: EventEmitter): void {
    // In front: the message that a chunk completes is counted out behind it.
    stream.prependListener('data', (chunk: Uint8Array) => {
      this.#hearAgain()
      this.#unfinishedBytes += chunk.length
      if (!this.#hasSpoken && this.#unfinishedBytes > MAX_FIRST_BYTES) {
        return this.end(malformed('a first message is no join'))
      }
      this.#hold()
    })
  }

  #hold(): void {
    if (this.#hasEnded) return
    const { bufferedAmount } = this.#socket
    this.#held.hold(this.#giveUp, this.#unfinishedBytes + this.#queuedBytes + bufferedAmount)
  }

  #ping(): void {
    // What it says lies unread for as long as we do not read, its answer among it.
    if (this.#socket.isPaused) return this.#hearAgain()
    if (!this.#isAlive) return this.end(unanswered())
    this.#isAlive = false
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping()
  }

  #hearAgain(): void {
    this.#isAlive = true
  }

  #take(data: RawData): void {
    this.#hearAgain()
    const bytes = toBytes(data)
    this.#hasSpoken = true
    this.#unfinishedBytes = 0
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    this.#hold()
    if (this.#isFull()) this.#socket.pause()
    if (!this.#isWorking) void this.#work()
  }

  #isFull(): boolean {
    return this.#queue.length >= MAX_WAITING_MESSAGES || this.#queuedBytes >= MAX_WAITING_BYTES
  }

  async #work(): Promise<void> {
    this.#isWorking = true
    try {
      for (let bytes = this.#queue.shift(); bytes; bytes = this.#queue.shift()) {
        this.#queuedBytes -= bytes.length
        await this.#onMessage(decodeMessage(bytes))
        this.#hold()
        if (!this.#isFull() && this.#socket.isPaused) this.#socket.resume()
      }
    } catch (error) {
      this.end(error)
    } finally {
      this.#isWorking = false
    }
  }

  /** Sends a message. A peer that does not read what it is sent loses its socket. */
  send(bytes: Uint8Array): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    if (this.#socket.bufferedAmount + bytes.length > MAX_PEER_BYTES) {
      return this.end(
        new AutomergeRepoError('ERR_REPO_SLOW', 'a peer does not read', { hint: syncsAnew }),
      )
    }
    this.#socket.send(bytes, () => this.#hold())
    this.#hold()
  }

  /** Sends a message and ends the socket when it is on its way. */
  sendLast(bytes: Uint8Array, error: unknown): void {
    this.#queue.length = 0
    if (this.#socket.readyState !== WebSocket.OPEN) return this.end(error)
    this.#socket.send(bytes, () => this.end(error))
  }

  /** Ends the socket at once. Idempotent. */
  end(error?: unknown): void {
    this.#ended.resolve(error)
    this.#queue.length = 0
    this.#socket.terminate()
    this.#finish()
  }

  #finish(): void {
    this.#hasEnded = true
    this.#held.hold(this.#giveUp, 0)
    clearInterval(this.#keepAlive)
    this.#ended.resolve(undefined)
  }
}

/** Head and mask of a frame without a body. */
const PONG_BYTES = 6

function unanswered(): AutomergeRepoError {
  return new AutomergeRepoError('ERR_REPO_SLOW', 'a peer did not answer a ping', {
    hint: syncsAnew,
  })
}

const syncsAnew = 'nothing to do: a peer that comes back syncs anew'

function toBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return new Uint8Array(Buffer.concat(data))
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}
