import { connect, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import type { BackPlane, BackPlaneEvents } from './back-plane.ts'
import { RelayError } from './errors.ts'
import { createGathering } from './gathering.ts'
import { MAX_UNFLUSHED_BYTES, FLUSH_EVERY_BYTES } from './limits.ts'

/** What every subject begins with. */
const prefix = 'vudo.1.'

/**
 * NATS core: publish and subscribe, nothing stored. A message is at most 128 KiB, far below
 * the server's 1 MB.
 *
 * @throws `RelayError` `ERR_RELAY_BACK_PLANE` when the server cannot be reached now.
 */
export async function connectNats(url: string, events: BackPlaneEvents): Promise<BackPlane> {
  try {
    const connection = await connect({
      servers: url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 100,
      noEcho: true,
      timeout: 5_000,
    })
    const bus = new NatsBus(connection, events)
    void bus.follow()
    return bus
  } catch (cause) {
    throw new RelayError('ERR_RELAY_BACK_PLANE', `NATS at ${hostOf(url)} does not answer`, {
      cause,
      hint: 'check the URL of --nats, and that the server runs',
    })
  }
}

/** Without the password that the URL may hold. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'that URL'
}

class NatsBus implements BackPlane {
  readonly #connection: NatsConnection
  readonly #events: BackPlaneEvents
  readonly #subscriptions = new Map<string, Subscription>()
  #isUp = true
  /** Published since the server last confirmed. */
  #unflushedBytes = 0
  #isFlushing = false
  readonly #gathering = createGathering((subject, bytes) => this.#send(subject, bytes))

  constructor(connection: NatsConnection, events: BackPlaneEvents) {
    this.#connection = connection
    this.#events = events
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Follows the connection's state until it is closed. */
  async follow(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === 'disconnect') this.#isUp = false
      if (type !== 'reconnect') continue
      // Reconnected is not yet subscribed: the answer to this comes after the subscriptions.
      await this.#connection.flush().catch(() => undefined)
      this.#unflushedBytes = 0
      this.#isUp = true
      this.#events.onGap()
    }
  }

  async subscribe(subject: string): Promise<void> {
    this.unsubscribe(subject)
    const subscription = this.#connection.subscribe(prefix + subject, {
      callback: (error, message) => {
        if (!error) this.#events.onMessage(message.data)
      },
    })
    this.#subscriptions.set(subject, subscription)
    // Without the server it is sent at the reconnection; the gap then has all asked again.
    await this.#connection.flush().catch(() => undefined)
  }

  unsubscribe(subject: string): void {
    this.#subscriptions.get(subject)?.unsubscribe()
    this.#subscriptions.delete(subject)
  }

  publish(subject: string, bytes: Uint8Array, frame?: Uint8Array): boolean {
    const heldBytes = this.#unflushedBytes + this.#gathering.waitingBytes
    if (!this.#canSend() || heldBytes > MAX_UNFLUSHED_BYTES) return false
    if (frame) this.#gathering.add(subject, { head: bytes, frame })
    else {
      // It must not overtake what came before it, on whatever subject.
      this.#gathering.end()
      this.#send(subject, bytes)
    }
    return true
  }

  #send(subject: string, bytes: Uint8Array): void {
    // Since it was taken the server may have gone: sent late, it would come after the reset.
    if (!this.#canSend()) return
    this.#connection.publish(prefix + subject, bytes)
    this.#unflushedBytes += bytes.length
    if (this.#unflushedBytes > FLUSH_EVERY_BYTES && !this.#isFlushing) void this.#flush()
  }

  /** The client would keep it in memory, without a bound, and send it late. */
  #canSend(): boolean {
    return this.#isUp && !this.#connection.isClosed()
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true
    const bytes = this.#unflushedBytes
    // A failure is a lost connection, whose return sets the count to nothing.
    await this.#connection.flush().catch(() => undefined)
    this.#unflushedBytes = Math.max(0, this.#unflushedBytes - bytes)
    this.#isFlushing = false
  }

  async close(): Promise<void> {
    this.#gathering.end()
    this.#isUp = false
    await this.#connection.close()
  }
}
