/**
 * One connection to a relay from its beginning to its end: opens a socket, proves the node's
 * key, and notices when nothing comes any more. What it is good for its owner decides: there
 * may be several at a time.
 */
import type { Runtime } from '@vudo/swarm'
import { isTransportError, TransportError } from '@vudo/transport'
import { hexToBytes } from '@vudo/wire'
import { closeError, deniedError } from './denied.ts'
import {
  CONNECT_TIMEOUT_MS,
  PING_INTERVAL_MS,
  PONG_TIMEOUT_MS,
  PROTOCOL_VERSION,
  QUIET_MS,
  SILENT_MS,
} from './limits.ts'
import type { RelayTarget } from './relay-address.ts'
import type { ConnectSocket, RelaySocket } from './socket.ts'
import {
  challengeMessage,
  decodeRelayFrame,
  encodeAuth,
  encodePing,
  type RelayFrame,
} from './wire.ts'

/** The relay has let the node in. */
export type Welcome = RelayFrame & { readonly type: 'welcome' }

/** What a call needs. */
export interface RelayCallInit {
  readonly target: RelayTarget
  /** This node at this relay: 96 characters of hex. */
  readonly endpoint: string
  /** Signs under `vudo/relay-challenge/1`. */
  readonly sign: (message: Uint8Array) => Uint8Array
  readonly connect: ConnectSocket
  readonly runtime: Runtime
}

/** What a call tells its owner. */
export interface RelayCallEvents {
  /** The relay asks for the proof; after `false` there is none: the owner has dropped the call. */
  readonly mayProve: (call: RelayCall) => boolean
  readonly onWelcome: (call: RelayCall, welcome: Welcome) => void
  readonly onFrame: (call: RelayCall, frame: RelayFrame) => void
  /** Nothing has come since something was sent {@link SILENT_MS} ago. */
  readonly onSilent: () => void
  /** Something came after that. */
  readonly onHeard: () => void
  readonly onRoom: () => void
}

/** See {@link createRelayCall}. */
export interface RelayCall {
  /** True from the proof on: the relay lets one connection of an end point live, the one that has proven last. */
  readonly hasProven: boolean
  /** True while what was sent is not answered. */
  readonly isSilent: boolean
  /** When it began, or something came last, in milliseconds of the runtime's clock. */
  readonly heardMs: number
  /** Round trip in milliseconds, once measured. */
  readonly rttMs: number | undefined
  /** Settles when it is over, with the reason; `undefined` for an ordinary end. Never rejects. */
  readonly ended: Promise<Error | undefined>
  send(frame: Uint8Array): void
  hasRoom(): boolean
  /** Ends it at once. */
  drop(reason: Error): void
  /** Ends it when what was said last has gone out. */
  close(): void
}

/** Begins a call. */
export function createRelayCall(init: RelayCallInit, events: RelayCallEvents): RelayCall {
  return new Call(init, events)
}

class Call implements RelayCall {
  hasProven = false
  isSilent = false
  heardMs: number
  rttMs: number | undefined
  readonly ended: Promise<Error | undefined>
  readonly #init: RelayCallInit
  readonly #events: RelayCallEvents
  readonly #ending = new AbortController()
  readonly #cancelLate: () => void
  #socket: RelaySocket | undefined
  #isWelcome = false
  #error: Error | undefined
  #pingedMs: number | undefined
  /** When something was sent first since the relay was heard last. */
  #unheardMs: number | undefined
  #cancelPing: (() => void) | undefined
  #cancelPong: (() => void) | undefined
  #cancelQuiet: (() => void) | undefined

  constructor(init: RelayCallInit, events: RelayCallEvents) {
    this.#init = init
    this.#events = events
    this.heardMs = init.runtime.nowMs()
    this.#cancelLate = init.runtime.setTimer(CONNECT_TIMEOUT_MS, () => {
      this.drop(new Error('the relay does not answer'))
    })
    this.ended = this.#run()
  }

  async #run(): Promise<Error | undefined> {
    const { target, connect } = this.#init
    const events = {
      onOpen: (socket: RelaySocket): void => {
        this.#socket = socket
      },
      onMessage: (bytes: Uint8Array): void => this.#onMessage(bytes),
      onRoom: this.#events.onRoom,
    }
    try {
      // Its owner knows it before it says anything.
      await Promise.resolve()
      const code = await connect(target.url, events, { signal: this.#ending.signal })
      return this.#error ?? closeError(target.host, code)
    } catch (error) {
      return this.#error ?? (error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#stopTimers()
      this.#socket = undefined
    }
  }

  #stopTimers(): void {
    this.#cancelLate()
    this.#cancelPing?.()
    this.#cancelPong?.()
    this.#cancelQuiet?.()
  }

  drop(reason: Error): void {
    this.#error ??= reason
    this.#ending.abort(reason)
  }

  close(): void {
    if (this.#isWelcome && this.#socket) this.#socket.close()
    else this.drop(new Error('the transport is closed'))
  }

  hasRoom(): boolean {
    return this.#socket?.hasRoom() ?? false
  }

  send(frame: Uint8Array): void {
    this.#socket?.send(frame)
    this.#awaitAnswer()
  }

  #onMessage(bytes: Uint8Array): void {
    // What comes after its end is for nobody.
    if (this.#ending.signal.aborted) return
    this.#unheardMs = undefined
    this.heardMs = this.#init.runtime.nowMs()
    if (this.isSilent) {
      this.isSilent = false
      this.#events.onHeard()
    }
    try {
      const frame = decodeRelayFrame(bytes)
      if (frame) this.#take(frame)
    } catch (error) {
      if (!isTransportError(error)) throw error
      this.#fail(error)
    }
  }

  #take(frame: RelayFrame): void {
    switch (frame.type) {
      case 'challenge':
        return this.#prove(frame.version, frame.challenge)
      case 'welcome':
        return this.#enter(frame)
      case 'denied':
        return this.#fail(deniedError(this.#init.target.host, frame.denial, frame.reason))
      case 'pong':
        return this.#ponged()
      default:
        this.#events.onFrame(this, frame)
    }
  }

  /** Says goodbye: the relay is there. */
  #fail(error: TransportError): void {
    this.#error ??= error
    this.#socket?.close()
  }

  #prove(version: number, challenge: Uint8Array): void {
    const { target, endpoint, sign } = this.#init
    if (version !== PROTOCOL_VERSION) {
      const message = `the relay ${target.host} speaks version ${version}, expected ${PROTOCOL_VERSION}`
      const hint = 'update this program, or the relay'
      return this.#fail(new TransportError('ERR_HANDSHAKE_FAILED', message, { hint }))
    }
    if (!this.#events.mayProve(this)) return
    this.hasProven = true
    const bytes = hexToBytes(endpoint)
    const [key, instance] = [bytes.subarray(0, 32), bytes.subarray(32)]
    const signature = sign(challengeMessage(target.host, challenge, instance))
    const { host, token } = target
    this.#socket?.send(encodeAuth({ key, instance, signature, host, token }))
  }

  #enter(welcome: Welcome): void {
    if (this.#isWelcome) return
    this.#isWelcome = true
    this.#cancelLate()
    this.#events.onWelcome(this, welcome)
    this.#schedulePing(Math.min(PING_INTERVAL_MS, welcome.idleMs / 3))
    this.#ping()
    this.#awaitAnswer()
  }

  #ping(): void {
    const { runtime } = this.#init
    this.#pingedMs = runtime.nowMs()
    this.#socket?.send(encodePing(runtime.randomBytes(8)))
    this.#awaitPong(this.#pingedMs, PONG_TIMEOUT_MS)
  }

  /** Whatever comes is a sign of life: on a slow line the pong stands behind megabytes of data. */
  #awaitPong(pingedMs: number, ms: number): void {
    const { runtime, target } = this.#init
    this.#cancelPong = runtime.setTimer(ms, () => {
      const leftMs = Math.max(pingedMs, this.heardMs) + PONG_TIMEOUT_MS - runtime.nowMs()
      if (leftMs > 0) return this.#awaitPong(pingedMs, leftMs)
      // A close would be waited for: nobody is there to answer it.
      this.drop(new TransportError('ERR_CONNECTION_LOST', `the relay ${target.host} fell silent`))
    })
  }

  #schedulePing(intervalMs: number): void {
    this.#cancelPing = this.#init.runtime.setTimer(intervalMs, () => {
      // While one is under way its own limit holds.
      if (this.#pingedMs === undefined) {
        this.#ping()
        this.#awaitAnswer()
      }
      this.#schedulePing(intervalMs)
    })
  }

  #ponged(): void {
    if (this.#pingedMs === undefined) return
    this.rttMs = this.#init.runtime.nowMs() - this.#pingedMs
    this.#pingedMs = undefined
    this.#cancelPong?.()
  }

  /** A socket whose network has gone says nothing: what is sent and not answered shows it sooner than the next ping. */
  #awaitAnswer(): void {
    if (!this.#isWelcome) return
    this.#unheardMs ??= this.#init.runtime.nowMs()
    this.#cancelQuiet ??= this.#lookLater(QUIET_MS)
  }

  /** One timer for many frames: it is set anew only when it fires. */
  #lookLater(ms: number): () => void {
    return this.#init.runtime.setTimer(ms, () => {
      this.#cancelQuiet = undefined
      if (this.#unheardMs === undefined || this.isSilent) return
      const unheardForMs = this.#init.runtime.nowMs() - this.#unheardMs
      if (unheardForMs >= SILENT_MS) {
        this.isSilent = true
        return this.#events.onSilent()
      }
      const isQuiet = unheardForMs >= QUIET_MS
      if (isQuiet && this.#pingedMs === undefined) this.#ping()
      this.#cancelQuiet = this.#lookLater((isQuiet ? SILENT_MS : QUIET_MS) - unheardForMs)
    })
  }
}
