import { Redis } from 'ioredis'
import type { BackPlane, BackPlaneEvents } from './back-plane.ts'
import { RelayError } from './errors.ts'
import { createGathering } from './gathering.ts'
import { MAX_UNFLUSHED_BYTES } from './limits.ts'
import { hostOf } from './nats-back-plane.ts'

/** What every channel begins with. */
const prefix = 'vudo:1:'

/**
 * Redis or Valkey publish and subscribe, nothing stored. It takes two connections, which fail
 * separately: the return of either is a gap.
 *
 * @throws `RelayError` `ERR_RELAY_BACK_PLANE` when the server cannot be reached now.
 */
export async function connectRedis(url: string, events: BackPlaneEvents): Promise<BackPlane> {
  const options = { retryStrategy: retryDelayMs, lazyConnect: true, maxRetriesPerRequest: null }
  const publisher = new Redis(url, { ...options, enableAutoPipelining: true })
  const subscriber = new Redis(url, options)
  const both = [publisher, subscriber]
  // It connects again by itself, and `isUp` and the gap say what happened.
  for (const client of both) client.on('error', () => undefined)
  try {
    await Promise.all(both.map((client) => client.connect()))
  } catch (cause) {
    for (const client of both) client.disconnect()
    throw new RelayError('ERR_RELAY_BACK_PLANE', `Redis at ${hostOf(url)} does not answer`, {
      cause,
      hint: 'check the URL of --redis, and that the server runs',
    })
  }
  return new RedisBus(publisher, subscriber, events)
}

/** In a quarter of a second, spread so that many relays do not come at once. */
function retryDelayMs(): number {
  return 250 + Math.random() * 100
}

class RedisBus implements BackPlane {
  readonly #publisher: Redis
  readonly #subscriber: Redis
  /** Handed to the client and not yet confirmed. */
  #unconfirmedBytes = 0
  readonly #gathering = createGathering((subject, bytes) => void this.#publish(subject, bytes))

  constructor(publisher: Redis, subscriber: Redis, events: BackPlaneEvents) {
    this.#publisher = publisher
    this.#subscriber = subscriber
    // From here on, ready means connected again. The answer comes after those to SUBSCRIBE.
    for (const client of [publisher, subscriber]) {
      client.on('ready', () => {
        void answered(client, events)
      })
    }
    subscriber.on('messageBuffer', (_channel: Buffer, bytes: Buffer) => events.onMessage(bytes))
  }

  get isUp(): boolean {
    return this.#publisher.status === 'ready' && this.#subscriber.status === 'ready'
  }

  async subscribe(subject: string): Promise<void> {
    // Lost with the connection, it is repeated by the client when that is back.
    await this.#subscriber.subscribe(prefix + subject).catch(() => undefined)
  }

  unsubscribe(subject: string): void {
    this.#subscriber.unsubscribe(prefix + subject).catch(() => undefined)
  }

  publish(subject: string, bytes: Uint8Array, frame?: Uint8Array): boolean {
    // The client would keep them in memory, without a bound, and send them late.
    const heldBytes = this.#unconfirmedBytes + this.#gathering.waitingBytes
    if (!this.isUp || heldBytes > MAX_UNFLUSHED_BYTES) return false
    if (frame) this.#gathering.add(subject, { head: bytes, frame })
    else {
      // It must not overtake what came before it, on whatever subject.
      this.#gathering.end()
      void this.#publish(subject, bytes)
    }
    return true
  }

  async #publish(subject: string, { buffer, byteOffset, length }: Uint8Array): Promise<void> {
    // Since it was taken the server may have gone: sent late, it would come after the reset.
    if (!this.isUp) return
    this.#unconfirmedBytes += length
    try {
      await this.#publisher.publish(prefix + subject, Buffer.from(buffer, byteOffset, length))
    } catch {
      // Lost with the connection, whose return is a gap.
    } finally {
      this.#unconfirmedBytes -= length
    }
  }

  close(): Promise<void> {
    this.#gathering.end()
    this.#publisher.disconnect()
    this.#subscriber.disconnect()
    return Promise.resolve()
  }
}

/** Says gap once the server has answered: then the subscriptions are in force again. */
async function answered(client: Redis, { onGap }: BackPlaneEvents): Promise<void> {
  try {
    await client.ping()
  } catch {
    // Lost again: the next return says it.
    return
  }
  onGap()
}
