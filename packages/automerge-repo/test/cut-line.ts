/** A TCP line on loopback that can be cut and mended, so that the programs at its ends stay as they are. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

interface Pair {
  readonly near: Socket
  readonly far: Socket
  /** The far end has answered: whoever dialled is through the handshake, or was refused. */
  isAnswered: boolean
}

export interface CutLine {
  /** Where the line begins. */
  readonly url: string
  /** Ends all connections; whoever dials is refused until {@link mend}. */
  cut(): Promise<void>
  mend(): Promise<void>
  close(): Promise<void>
}

/** Opens a line to a port of loopback, which is asked for with each connection. */
export async function openLine(target: () => number): Promise<CutLine> {
  const line = new Line(target)
  await line.mend()
  return line
}

class Line implements CutLine {
  readonly #target: () => number
  readonly #pairs = new Set<Pair>()
  #server: Server | undefined
  #port = 0
  #isCut = false

  constructor(target: () => number) {
    this.#target = target
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`
  }

  async mend(): Promise<void> {
    if (this.#server) return
    this.#isCut = false
    const server = createServer((near) => this.#join(near))
    this.#server = server
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as { port: number }).port
  }

  #join(near: Socket): void {
    const far = connect(this.#target(), '127.0.0.1')
    const pair: Pair = { near, far, isAnswered: false }
    this.#pairs.add(pair)
    far.on('data', (bytes) => {
      near.write(bytes)
      pair.isAnswered = true
      if (this.#isCut) this.#end(pair)
    })
    near.on('data', (bytes) => far.write(bytes))
    for (const socket of [near, far]) {
      socket.on('error', () => {})
      socket.on('close', () => this.#end(pair))
    }
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair)
    pair.far.destroy()
    // What has come is passed on first.
    pair.near.destroySoon()
  }

  async cut(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    this.#isCut = true
    const closed = once(server, 'close')
    server.close()
    // The stock client throws when a handshake is broken off, so one that is under way ends behind it.
    for (const pair of this.#pairs) if (pair.isAnswered) this.#end(pair)
    await closed
  }

  close(): Promise<void> {
    for (const { near, far } of this.#pairs) {
      near.destroy()
      far.destroy()
    }
    return this.cut()
  }
}
