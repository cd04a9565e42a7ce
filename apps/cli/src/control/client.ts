import { connect, type Socket } from 'node:net'
import { createFrameDecoder } from '@vudo/wire'
import { CliError } from '../errors.ts'
import {
  MAX_CONTROL_MESSAGE_BYTES,
  MAX_PENDING_REQUESTS,
  MAX_UNREAD_STREAM_ITEMS,
} from '../limits.ts'
import { shellWord } from '../output.ts'
import { controlAddress } from './address.ts'
import { decodeResponse, encodeMessage, errorFromMessage, type Response } from './protocol.ts'

/** A connection to the running node of a data directory. */
export interface ControlClient extends AsyncDisposable {
  /** Asks and waits for the answer. */
  call(op: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>
  /** Asks for a stream; leaving the loop closes the whole connection. */
  stream(op: string, args?: Readonly<Record<string, unknown>>): AsyncIterable<unknown>
  close(): Promise<void>
}

/**
 * Connects to the node that runs on `dataDir`.
 *
 * @throws `CliError` `ERR_NODE_NOT_RUNNING`.
 */
export async function connectToNode(dataDir: string): Promise<ControlClient> {
  const socket = connect(controlAddress(dataDir))
  const connected = Promise.withResolvers<void>()
  socket.once('connect', () => connected.resolve())
  socket.once('error', (cause) => connected.reject(notRunning(dataDir, cause)))
  await connected.promise
  return new Client(socket)
}

function notRunning(dataDir: string, cause: unknown): CliError {
  return new CliError('ERR_NODE_NOT_RUNNING', `no node is running on ${dataDir}`, {
    cause,
    hint: `start one in another terminal: vudo node --data-dir ${shellWord(dataDir)}`,
  })
}

/** Gets the parts of one answer. */
interface Waiting {
  take(response: Response): void
  fail(error: Error): void
}

class Client implements ControlClient {
  readonly #closed: Promise<void>
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  /** Calls that wait until the node has answered others. */
  readonly #queue: (() => void)[] = []
  #nextId = 0

  constructor(socket: Socket) {
    this.#socket = socket
    const decoder = createFrameDecoder({ maxFrameBytes: MAX_CONTROL_MESSAGE_BYTES })
    socket.on('data', (chunk) => {
      try {
        for (const frame of decoder.push(chunk)) this.#dispatch(decodeResponse(frame))
      } catch (error) {
        this.#failAll(error instanceof Error ? error : new Error(String(error)))
        socket.destroy()
      }
    })
    socket.on('error', (error) => this.#failAll(gone(error)))
    const closed = Promise.withResolvers<void>()
    this.#closed = closed.promise
    socket.once('close', () => {
      this.#failAll(gone(undefined))
      closed.resolve()
    })
  }

  async call(op: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>()
    while (this.#waiting.size >= MAX_PENDING_REQUESTS) {
      // oxlint-disable-next-line no-await-in-loop -- another call may have taken the place
      await new Promise<void>((resolve) => void this.#queue.push(resolve))
    }
    this.#ask(op, args, {
      take: (response) => {
        if ('error' in response) answer.reject(errorFromMessage(response.error))
        else if ('result' in response) answer.resolve(response.result)
      },
      fail: answer.reject,
    })
    return answer.promise
  }

  async *stream(op: string, args: Readonly<Record<string, unknown>> = {}): AsyncIterable<unknown> {
    const items: Response[] = []
    let failure: Error | undefined
    let wake = Promise.withResolvers<void>()
    this.#ask(op, args, {
      take: (response) => {
        items.push(response)
        // The node stops producing when the socket is full: a slow reader costs neither memory.
        if (items.length >= MAX_UNREAD_STREAM_ITEMS) this.#socket.pause()
        wake.resolve()
      },
      fail: (error) => {
        failure = error
        wake.resolve()
      },
    })
    try {
      for (;;) {
        for (const response of items.splice(0)) {
          if ('error' in response) throw errorFromMessage(response.error)
          if ('result' in response) return
          yield response.item
        }
        if (failure) throw failure
        // oxlint-disable-next-line no-await-in-loop -- a stream is read one wake-up at a time
        await wake.promise
        wake = Promise.withResolvers<void>()
        this.#socket.resume()
      }
    } finally {
      // The node stops a stream when its reader has gone: there is no other word for it.
      await this.close()
    }
  }

  async close(): Promise<void> {
    this.#socket.destroy()
    await this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #ask(op: string, args: Readonly<Record<string, unknown>>, waiting: Waiting): void {
    if (this.#socket.destroyed) throw gone(undefined)
    const id = this.#nextId++
    const message = encodeMessage({ id, op, args })
    this.#waiting.set(id, waiting)
    this.#socket.write(message)
  }

  #dispatch(response: Response): void {
    const waiting = this.#waiting.get(response.id)
    if (!('item' in response)) {
      this.#waiting.delete(response.id)
      this.#queue.shift()?.()
    }
    waiting?.take(response)
  }

  #failAll(error: Error): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const one of waiting) one.fail(error)
    // They find the socket gone.
    for (const go of this.#queue.splice(0)) go()
  }
}

function gone(cause: unknown): CliError {
  return new CliError('ERR_NODE_NOT_RUNNING', 'the node has ended', {
    cause,
    hint: 'start it again: vudo node',
  })
}
