/** One iroh node's socket: proof, then datagrams to others by their key. */
import { randomBytes } from 'node:crypto'
import { ed25519 } from './ed25519.ts'
import { bytesToHex } from '@vudo/wire'
import type { WebSocket } from 'ws'
import type { Refusal } from './access.ts'
import { closeCodes, type House, type RelayConnection } from './connection.ts'
import {
  decodeIrohAuth,
  destinationOf,
  irohChallengeMessage,
  irohDenial,
  irohFrame,
  irohProtocols,
  irohRestarting,
  irohTypes,
  IROH_CHALLENGE_BYTES,
  isDatagram,
  toRelayToFromRelay,
  type IrohAuth,
} from './iroh-frames.ts'
import { IROH_MAX_FRAME_BYTES, IROH_PING_MS, MAX_PAIRS } from './limits.ts'
import { createOutlet, type Outlet } from './outlet.ts'
import { ReadingPace } from './reading-pace.ts'
import { bytesToLatin1, denials } from './wire.ts'

/** The iroh nodes of a relay by their key, 32 bytes as Latin-1. */
export type IrohClients = Map<string, IrohConnection>

/** A socket of an iroh node, as others reach it. */
export interface IrohConnection extends RelayConnection {
  /** Passes a datagram on, or drops it where too much waits. */
  deliver(frame: Uint8Array): void
  /** Somebody who had sent to it is gone. */
  tellGone(key: Uint8Array): void
}

/** What it is made of. */
export interface IrohConnectionInit {
  readonly house: House
  readonly clients: IrohClients
  readonly socket: WebSocket
  readonly address: string
  /** As `nameOf` gives it. */
  readonly socketName: string
}

/** Takes over a socket. */
export function createIrohConnection(init: IrohConnectionInit): IrohConnection {
  return new Connection(init)
}

/** How long an iroh node shall wait and try after a restart, in milliseconds. */
const restart = { inMs: 500, tryForMs: 30_000 }
/** The status that says that another connection has the same key. */
const sameKey = 1

class Connection implements IrohConnection {
  readonly #init: IrohConnectionInit
  readonly #socket: WebSocket
  readonly #outlet: Outlet
  readonly #sentTo = new Set<string>()
  readonly #onWritten = (): void => {
    this.#queuedFrames -= 1
  }
  #challenge: Uint8Array | undefined = randomBytes(IROH_CHALLENGE_BYTES)
  #keyBytes: Uint8Array | undefined
  #name = ''
  readonly #pace: ReadingPace
  #queuedFrames = 0
  #pingedMs: number

  constructor(init: IrohConnectionInit) {
    this.#init = init
    this.#socket = init.socket
    const { maxQueuedBytes } = init.house.limits
    this.#outlet = createOutlet(init.socket, maxQueuedBytes + IROH_MAX_FRAME_BYTES)
    this.#pace = new ReadingPace(init.socket, init.house.nowMs)
    this.#pingedMs = init.house.nowMs()
    this.#socket.on('message', this.#onMessage)
    this.#socket.on('ping', (bytes) => this.#pace.account(bytes.length + 6))
    // The close that follows says everything.
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => this.#ended())
    this.#write(irohFrame(irohTypes.serverChallenge, this.#challenge ?? new Uint8Array()))
  }

  get key(): string | undefined {
    return this.#keyBytes && bytesToHex(this.#keyBytes)
  }

  #write(frame: Uint8Array): void {
    this.#outlet.write(frame)
  }

  deliver(frame: Uint8Array): void {
    const { maxQueuedBytes, maxQueuedFrames } = this.#init.house.limits
    // Datagrams: QUIC above sends again what it misses.
    if (this.#queuedFrames >= maxQueuedFrames) return
    if (this.#socket.bufferedAmount >= maxQueuedBytes) return
    this.#queuedFrames += 1
    this.#outlet.write(frame, this.#onWritten)
  }

  tellGone(key: Uint8Array): void {
    this.#write(irohFrame(irohTypes.endpointGone, key))
  }

  announceEnd(): void {
    this.#write(irohRestarting(restart.inMs, restart.tryForMs))
  }

  restart(): void {
    this.#outlet.close(1_012, 'this relay restarts')
  }

  terminate(): void {
    this.#socket.terminate()
  }

  sweep(nowMs: number): void {
    if (this.#pace.isPaused) return
    if (this.#pace.silenceMs(nowMs) >= this.#init.house.limits.idleMs) {
      this.#socket.close(closeCodes.idle, 'nothing was heard')
      this.#socket.terminate()
    } else if (nowMs - this.#pingedMs >= IROH_PING_MS) {
      this.#pingedMs = nowMs
      this.#write(irohFrame(irohTypes.ping, randomBytes(8)))
    }
  }

  readonly #onMessage = (data: Buffer, isBinary: boolean): void => {
    this.#pace.account(data.length)
    if (this.#socket.readyState !== this.#socket.OPEN) return
    if (!isBinary) return this.#outlet.close(1_003, 'binary frames only')
    if (!this.#keyBytes) return void this.#prove(data)
    if (isDatagram(data)) this.#forward(data)
    else if (data[0] === irohTypes.ping && data.length === 9) {
      this.#write(irohFrame(irohTypes.pong, data.subarray(1)))
    }
    // Everything else is a pong, or of a newer version.
  }

  #forward(data: Buffer): void {
    const name = destinationOf(data)
    const to = this.#init.clients.get(name)
    if (!to || to === this || !this.#keyBytes) return
    this.#sentTo.delete(name)
    this.#sentTo.add(name)
    const [oldest] = this.#sentTo
    if (this.#sentTo.size > MAX_PAIRS && oldest !== undefined) this.#sentTo.delete(oldest)
    toRelayToFromRelay(data, this.#keyBytes)
    to.deliver(data)
  }

  async #prove(data: Buffer): Promise<void> {
    const challenge = this.#challenge
    if (!challenge) return this.#outlet.close(1_002, 'not a frame of this protocol')
    this.#challenge = undefined
    let refusal: Refusal | undefined
    try {
      this.#socket.pause()
      const auth = decodeIrohAuth(data)
      refusal = await this.#examine(auth, challenge)
      // Again: while an access service was asked, others have come.
      refusal ??= this.#init.house.fullness(this.#init.address)
      if (!refusal) return this.#enter(auth)
    } catch {
      return this.#outlet.close(1_002, 'not a frame of this protocol')
    } finally {
      // In any case: a socket that is not read never learns of its end.
      this.#socket.resume()
    }
    this.#init.house.onRefused(refusal)
    this.#write(irohDenial(refusal.reason))
    this.#outlet.close(1_008, 'refused')
  }

  async #examine(auth: IrohAuth, challenge: Uint8Array): Promise<Refusal | undefined> {
    const { address, house } = this.#init
    // Its clients have no way to show one.
    const token = new Uint8Array()
    if (!house.access.hasToken(token)) return noToken
    if (!ed25519(auth.key, irohChallengeMessage(challenge), auth.signature)) return wrongSignature
    const full = house.fullness(address)
    return full ?? house.access.check({ key: bytesToHex(auth.key), address, token })
  }

  #enter({ key }: IrohAuth): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    const { house, clients, address, socketName } = this.#init
    this.#keyBytes = key.slice()
    this.#name = bytesToLatin1(key)
    this.#pace.enter(house.limits.bytesPerSecond, house.addresses(address, house.nowMs()))
    const before = clients.get(this.#name)
    if (before instanceof Connection) before.#tellSameKey()
    clients.set(this.#name, this)
    this.#write(irohFrame(irohTypes.serverConfirmsAuth))
    house.onEntered(this, socketName)
  }

  /** It stays, and nothing more comes to it, as at iroh's own relay: closing it would have two ends push each other out for ever. */
  #tellSameKey(): void {
    const isNew = this.#socket.protocol === irohProtocols[0]
    if (isNew) this.#write(irohFrame(irohTypes.status, Uint8Array.of(sameKey)))
    else this.#write(irohFrame(irohTypes.health, Buffer.from('same endpoint id connected')))
  }

  #ended(): void {
    this.#pace.end()
    this.#outlet.ended()
    const { clients, house } = this.#init
    if (clients.get(this.#name) === this) {
      clients.delete(this.#name)
      for (const name of this.#sentTo) {
        if (this.#keyBytes) clients.get(name)?.tellGone(this.#keyBytes)
      }
    }
    house.onEnded(this, this.key)
  }
}

const wrongSignature: Refusal = { denial: denials.signature, reason: 'the signature is wrong' }
const noToken: Refusal = {
  denial: denials.token,
  reason: 'this relay wants a token, which iroh nodes cannot show',
}
