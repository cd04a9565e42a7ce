/** The virtual connections at one relay, and what comes for them. Without sockets or clock. */
import { bytesToHex } from '@vudo/wire'
import { createCreditPool } from './credit-pool.ts'
import { MAX_PIPES, MAX_PIPES_PER_ENDPOINT, PIPE_ID_BYTES } from './limits.ts'
import { decodePipeFrame, encodeClose, type PipeFrame } from './pipe-frames.ts'
import { endpointToBytes } from './relay-address.ts'
import { createRelayPipe, type RelayPipe } from './relay-pipe.ts'

/** What a table is made of. */
export interface PipeTableInit {
  readonly write: (frame: Uint8Array) => void
  readonly hasRoom: () => boolean
  readonly randomBytes: (length: number) => Uint8Array
  /** A far end has opened a pipe. */
  readonly onIncoming: (pipe: RelayPipe) => void
}

/** See {@link createPipeTable}. */
export interface PipeTable {
  /** Virtual connections that are open. */
  readonly size: number
  /** Opens a pipe to an end point. */
  open(endpoint: string, maxFrameBytes: number): RelayPipe
  /** A frame has come from an end point. Never throws: what is none costs its sender nothing here but its pipes. */
  deliver(from: string, payload: Uint8Array, maxFrameBytes: number): void
  /** Nothing more comes from an end point. */
  reset(endpoint: string, reason: number): void
  /** The relay is gone, and everything that went through it. */
  resetAll(): void
  /** The socket has room again. */
  flush(): void
}

/** Makes an empty table. */
export function createPipeTable(init: PipeTableInit): PipeTable {
  return new Pipes(init)
}

class Pipes implements PipeTable {
  readonly #init: PipeTableInit
  /** By end point, and there by id. */
  readonly #pipesByEndpoint = new Map<string, Map<string, RelayPipe>>()
  readonly #pool = createCreditPool()
  #count = 0

  constructor(init: PipeTableInit) {
    this.#init = init
  }

  get size(): number {
    return this.#count
  }

  open(endpoint: string, maxFrameBytes: number): RelayPipe {
    const id = this.#init.randomBytes(PIPE_ID_BYTES)
    return this.#add({ endpoint, id, isOpener: true, maxFrameBytes })
  }

  #add(one: {
    readonly endpoint: string
    readonly id: Uint8Array
    readonly isOpener: boolean
    readonly maxFrameBytes: number
  }): RelayPipe {
    const { endpoint, id } = one
    const idHex = bytesToHex(id)
    const pipes = this.#pipesByEndpoint.get(endpoint) ?? new Map<string, RelayPipe>()
    this.#pipesByEndpoint.set(endpoint, pipes)
    this.#count += 1
    const pipe = createRelayPipe({
      ...one,
      address: { endpoint: endpointToBytes(endpoint), id },
      write: this.#init.write,
      hasRoom: this.#init.hasRoom,
      pool: this.#pool,
      onEnded: () => {
        this.#count -= 1
        pipes.delete(idHex)
        if (pipes.size === 0 && this.#pipesByEndpoint.get(endpoint) === pipes) {
          this.#pipesByEndpoint.delete(endpoint)
        }
      },
    })
    pipes.set(idHex, pipe)
    return pipe
  }

  deliver(from: string, payload: Uint8Array, maxFrameBytes: number): void {
    let frame: PipeFrame
    try {
      frame = decodePipeFrame(payload)
    } catch {
      // Only its own protocol error: whoever sends this is not one of ours.
      return
    }
    const pipes = this.#pipesByEndpoint.get(from)
    const pipe = pipes?.get(frame.pipe)
    if (pipe) return pipe.take(frame)
    const isRoom = this.#count < MAX_PIPES && (pipes?.size ?? 0) < MAX_PIPES_PER_ENDPOINT
    const id = payload.slice(1, 1 + PIPE_ID_BYTES)
    if (frame.kind === 'open' && isRoom) {
      this.#init.onIncoming(this.#add({ endpoint: from, id, isOpener: false, maxFrameBytes }))
    } else if (frame.kind !== 'close') {
      // Not for a close: two ends that know nothing would answer each other for ever.
      this.#init.write(encodeClose({ endpoint: endpointToBytes(from), id }))
    }
  }

  reset(endpoint: string, reason: number): void {
    for (const pipe of this.#pipesByEndpoint.get(endpoint)?.values() ?? []) {
      pipe.reset(reason)
    }
  }

  resetAll(): void {
    for (const pipe of this.#all()) pipe.reset()
  }

  flush(): void {
    for (const pipe of this.#all()) {
      if (!this.#init.hasRoom()) return
      pipe.flush()
    }
  }

  #all(): RelayPipe[] {
    return [...this.#pipesByEndpoint.values()].flatMap((pipes) => [...pipes.values()])
  }
}
