/** One client's socket: proof first, then frames, read no faster than its limits allow. */
import { verifySignature } from '@vudo/identity'
import { bytesToHex } from '@vudo/wire'
import type { WebSocket } from 'ws'
import type { Access, Refusal } from './access.ts'
import type { AddressBook } from './address-book.ts'
import type { Client, ClientPort, RelayCore } from './core.ts'
import type { RelayLimits } from './limits.ts'
import { createOutlet, type Outlet } from './outlet.ts'
import { ReadingPace } from './reading-pace.ts'
import {
  challengeMessage,
  decodeAuth,
  denials,
  encodeChallenge,
  encodeDenied,
  encodeMoved,
  encodeWelcome,
  type AuthFrame,
} from './wire.ts'

/** Close codes besides those of RFC 6455 section 7.4. */
export const closeCodes = { replaced: 4_001, idle: 4_002 } as const

/** The tag of a client's proof. */
const proofTag = 'vudo/relay-challenge/1'

/** What all connections of a relay share. */
export interface House {
  readonly core: RelayCore
  readonly limits: RelayLimits
  readonly access: Access
  readonly addresses: AddressBook
  /** Whether the relay goes by this host. */
  readonly isOwnHost: (host: string) => boolean
  readonly nowMs: () => number
  /** Why nobody else of this IP address can be let in, if so. */
  readonly fullness: (address: string) => Refusal | undefined
  readonly onEntered: (connection: RelayConnection, socketName: string) => void
  readonly onRefused: (refusal: Refusal) => void
  readonly onEnded: (connection: RelayConnection, key: string | undefined) => void
}

/** A socket that was upgraded. */
export interface RelayConnectionInit {
  readonly house: House
  readonly socket: WebSocket
  readonly address: string
  /** As `nameOf` gives it. */
  readonly socketName: string
  /** 32 random bytes. */
  readonly challenge: Uint8Array
}

/** Takes over a socket. */
export function createRelayConnection(init: RelayConnectionInit): RelayConnection {
  return new Connection(init)
}

/** See {@link createRelayConnection}. */
export interface RelayConnection {
  /** Lower-case hex; `undefined` before the proof. */
  readonly key: string | undefined
  /** Closes it when it has said nothing for too long. */
  sweep(nowMs: number): void
  /** Says that the relay ends soon. */
  announceEnd(): void
  /** Closes with 1012, "service restart". */
  restart(): void
  terminate(): void
}

class Connection implements RelayConnection, ClientPort {
  readonly #house: House
  readonly #socket: WebSocket
  readonly #outlet: Outlet
  readonly #address: string
  readonly #socketName: string
  #challenge: Uint8Array | undefined
  readonly #pace: ReadingPace
  #client: Client | undefined
  #key: string | undefined

  constructor({ house, socket, address, socketName, challenge }: RelayConnectionInit) {
    this.#house = house
    this.#socket = socket
    const { maxQueuedBytes, maxFrameBytes } = house.limits
    this.#outlet = createOutlet(socket, maxQueuedBytes + maxFrameBytes)
    this.#address = address
    this.#socketName = socketName
    this.#challenge = challenge
    this.#pace = new ReadingPace(socket, house.nowMs)
    socket.on('message', this.#onMessage)
    // Pings are answered by the library; they count as any other bytes.
    socket.on('ping', (bytes) => this.#pace.account(bytes.length + 6))
    // The close that follows says everything.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#ended())
    this.write(encodeChallenge(challenge))
  }

  get key(): string | undefined {
    return this.#key
  }

  get queuedBytes(): number {
    return this.#socket.bufferedAmount
  }

  write(frame: Uint8Array, onWritten?: () => void): void {
    this.#outlet.write(frame, onWritten)
  }

  charge(bytes: number): void {
    this.#pace.account(bytes)
  }

  replace(): void {
    this.#outlet.close(closeCodes.replaced, 'another connection has this key and instance')
  }

  announceEnd(): void {
    this.write(encodeMoved())
  }

  restart(): void {
    this.#outlet.close(1_012, 'this relay restarts')
  }

  terminate(): void {
    this.#socket.terminate()
  }

  sweep(nowMs: number): void {
    if (this.#pace.silenceMs(nowMs) < this.#house.limits.idleMs) return
    this.#socket.close(closeCodes.idle, 'nothing was heard')
    this.#socket.terminate()
  }

  readonly #onMessage = (data: Buffer, isBinary: boolean): void => {
    // Whatever it is: who is being closed must not be read faster than others.
    this.#pace.account(data.length)
    if (this.#socket.readyState !== this.#socket.OPEN) return
    if (!isBinary) return this.#outlet.close(1_003, 'binary frames only')
    try {
      if (this.#client) this.#pace.wait(this.#house.core.receive(this.#client, data))
      else void this.#prove(data)
    } catch {
      // Only its own protocol error comes here, and the one who is to know it is cut off.
      this.#outlet.close(1_002, 'not a frame of this protocol')
    }
  }

  async #prove(data: Buffer): Promise<void> {
    const challenge = this.#challenge
    // A second frame before the answer to the first.
    if (!challenge) return this.#outlet.close(1_002, 'not a frame of this protocol')
    this.#challenge = undefined
    let refusal: Refusal | undefined
    try {
      // What comes before the answer waits in the kernel.
      this.#socket.pause()
      const auth = decodeAuth(data)
      refusal = await this.#examine(auth, challenge)
      // Again: while an access service was asked, others have come.
      refusal ??= this.#house.fullness(this.#address)
      if (!refusal) return this.#enter(auth)
    } catch {
      return this.#outlet.close(1_002, 'not a frame of this protocol')
    } finally {
      // In any case: a socket that is not read never learns of its end.
      this.#socket.resume()
    }
    this.#house.onRefused(refusal)
    this.write(encodeDenied(refusal.denial, refusal.reason))
    this.#outlet.close(1_008, 'refused')
  }

  async #examine(auth: AuthFrame, challenge: Uint8Array): Promise<Refusal | undefined> {
    const { access, isOwnHost } = this.#house
    if (!isOwnHost(auth.host)) return wrongHost
    if (!access.hasToken(auth.token)) return wrongToken
    const message = challengeMessage(auth.host, challenge, auth.instance)
    if (!verifySignature(auth.key, proofTag, message, auth.signature)) return wrongSignature
    const full = this.#house.fullness(this.#address)
    if (full) return full
    const key = bytesToHex(auth.key)
    return access.check({ key, address: this.#address, token: auth.token })
  }

  #enter(auth: AuthFrame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    const { core, limits, addresses, nowMs } = this.#house
    this.#key = bytesToHex(auth.key)
    this.#pace.enter(limits.bytesPerSecond, addresses(this.#address, nowMs()))
    // A copy: the frame is a view of whatever the socket had read.
    this.#client = core.enter(auth.endpoint.slice(), this)
    this.write(encodeWelcome(limits))
    this.#house.onEntered(this, this.#socketName)
  }

  #ended(): void {
    this.#pace.end()
    this.#outlet.ended()
    if (this.#client) this.#house.core.leave(this.#client)
    this.#house.onEnded(this, this.#key)
  }
}

const wrongSignature: Refusal = { denial: denials.signature, reason: 'the signature is wrong' }
const wrongToken: Refusal = { denial: denials.token, reason: 'the token is wrong or missing' }
const wrongHost: Refusal = {
  denial: denials.host,
  reason: 'this relay does not go by the host that was dialled',
}
