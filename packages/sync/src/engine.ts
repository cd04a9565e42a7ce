import { atEndOfTurn } from '#end-of-turn'
import { isStoreError, type Durability, type StoreOperation, type StoreView } from '@vudo/storage'
import type { PeerId } from '@vudo/transport'
import { isSyncError, SyncError } from './errors.ts'
import {
  MAX_BUNDLED_DOCUMENT_BYTES,
  LIVE_REST_FACTOR,
  MAX_LIVE_REST_MS,
  MIN_SIGNED_TOGETHER,
  READ_TOGETHER,
  STORE_FULL_RETRY_MS,
  STORE_RETRY_DELAY_MS,
  SYNC_INTERVAL_MS,
} from './limits.ts'
import { MessageRate } from './message-rate.ts'
import { pause } from './pause.ts'
import { holdProgram } from './program-hold.ts'
import type { LinkId, ReplicaEffect, ReplicaEvent, ReplicaInput } from './replica-effects.ts'
import { liveTimer, Replica, writeTimer, type ReplicaInit } from './replica.ts'
import { actorsOfSaved } from './automerge-chunks.ts'
import { createVetting, type Vetting } from './vetting.ts'
import {
  chunkKey,
  chunkPrefix,
  createIndexReader,
  indexPrefixes,
  proofKey,
  proofPrefix,
  type StoredDocument,
} from './stored-keys.ts'

/** What the engine needs of a channel; `Channel` of the network has it. */
export interface SyncChannel {
  send(message: Uint8Array): Promise<void>
  receive(): Promise<Uint8Array | undefined>
  /** Ends it at once. */
  reset(code?: string): void
}

/** What an engine is made of. */
export interface EngineInit extends Omit<ReplicaInit, 'index'> {
  readonly store: StoreView
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onEvent: (event: ReplicaEvent) => void
  /** Milliseconds between checks of whether idle peers really hold the same. @defaultValue `SYNC_INTERVAL_MS` */
  readonly syncIntervalMs?: number | undefined
  /** @defaultValue a thread for each document */
  readonly vetting?: Vetting | undefined
}

type Timer = ReturnType<typeof setTimeout>

interface Link {
  readonly peerId: PeerId
  readonly channel: SyncChannel
  readonly queue: Uint8Array[]
  isSending: boolean
  isEnded: boolean
}

/** Gives a replica its store, its channels and its timers; knows nothing of the protocol. */
export class Engine {
  readonly replica: Replica
  readonly #init: EngineInit
  readonly #links = new Map<LinkId, Link>()
  readonly #timers = new Map<LinkId, Timer>()
  /** For as long as a peer has a channel. */
  readonly #rates = new Map<PeerId, MessageRate>()
  readonly #effects: ReplicaEffect[] = []
  readonly #vetting: Vetting
  /** Reads and writes of the store that are under way. */
  readonly #jobs = new Set<Promise<void>>()
  /** Documents that are to be read in this turn. */
  readonly #toRead: string[] = []
  readonly #interval: Timer
  #isRunning = false
  #inputAtMs = 0
  #stopResting: (() => void) | undefined
  #lastLink = 0
  readonly #closed = new AbortController()
  #isClosing = false
  #isClosed = false

  constructor(init: EngineInit, replica: Replica) {
    this.#init = init
    this.replica = replica
    this.#vetting =
      init.vetting ?? createVetting({ onStuck: (reason) => this.#warnOfVetting(reason) })
    const onInterval = (): void => this.#input({ type: 'interval' })
    // No program goes on for the sake of a check.
    const interval = setInterval(onInterval, init.syncIntervalMs ?? SYNC_INTERVAL_MS)
    this.#interval = holdProgram(interval, false)
  }

  /** Reads the index of a store and starts on it. @throws `RangeError` for an interval that no timer takes. */
  static async open(init: EngineInit): Promise<Engine> {
    assertInterval(init.syncIntervalMs ?? SYNC_INTERVAL_MS)
    const reader = createIndexReader()
    for (const prefix of indexPrefixes) {
      for await (const { key, value } of init.store.scan({ prefix })) reader.add(key, value)
    }
    const engine = new Engine(init, new Replica({ ...init, index: reader.index }))
    engine.call(() => {})
    return engine
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Of the store. */
  get durability(): Durability {
    return this.#init.store.durability
  }

  /** Runs a call of the application on the replica, and what follows from it. */
  call<Result>(task: (replica: Replica) => Result): Result {
    if (this.#isClosed) {
      throw new SyncError('ERR_DATABASE_CLOSED', 'the database is closed')
    }
    this.#inputAtMs = performance.now()
    try {
      return task(this.replica)
    } finally {
      this.#run(this.replica.takeEffects())
    }
  }

  /** Settles when everything that is in memory now is durable. */
  async saved(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.call((replica) => {
      replica.assertWorking()
      replica.whenDurable(resolve)
    })
    await Promise.race([promise, this.#failed.promise, this.#noRoom.promise])
  }

  #isFull = false
  /** Rejects when the store has no room; made anew when there is some. */
  #noRoom = failure()
  /** Rejects when the store fails. */
  readonly #failed = failure()

  #input(input: ReplicaInput): void {
    if (this.#isClosed && input.type.startsWith('peer')) return
    this.#inputAtMs = performance.now()
    this.#run(this.replica.handle(input, this.#init.now()))
  }

  /** In order, also when a listener of an event calls back into the replica. */
  #run(effects: readonly ReplicaEffect[]): void {
    this.#effects.push(...effects)
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      for (let effect = this.#effects.shift(); effect; effect = this.#effects.shift()) {
        this.#execute(effect)
      }
    } finally {
      this.#isRunning = false
    }
    this.#holdProgram()
  }

  /** A program need not wait for the timer of writes when there is nothing to be written. */
  #holdProgram(): void {
    const timer = this.#timers.get(writeTimer)
    if (timer) holdProgram(timer, this.replica.hasUnwritten)
  }

  #execute(effect: ReplicaEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect.link, effect.bytes)
      case 'event':
        if (effect.event.type === 'failed') this.#failed.reject(storeFailed(effect.event.error))
        return this.#init.onEvent(effect.event)
      case 'persist':
        return this.#work(this.#persist(effect))
      case 'vet':
        return this.#work(this.#vet(effect))
      case 'read-document':
        return this.#readSoon(effect.id)
      case 'set-timer':
        return this.#setTimer(effect)
      case 'rest':
        return this.#rest()
      case 'disconnect':
        return this.#links.get(effect.link)?.channel.reset(effect.code)
    }
  }

  #work(job: Promise<void>): void {
    this.#jobs.add(job)
    // A job handles its own errors.
    void job.finally(() => this.#jobs.delete(job))
  }

  async #vet({ token, pieces }: ReplicaEffect & { type: 'vet' }): Promise<void> {
    const verdict = await this.#vetting.vet(pieces)
    if (this.#isClosed) return
    const refusal = verdict.type === 'fine' ? undefined : verdict.reason
    this.#input({ type: 'vetted', token, refusal })
  }

  async #persist({ token, operations }: ReplicaEffect & { type: 'persist' }): Promise<void> {
    try {
      await this.#write(operations)
    } catch (error) {
      return this.#input({ type: 'persist-failed', token, error })
    }
    this.#input({ type: 'persisted', token })
  }

  #warnOfVetting(reason: string): void {
    if (this.#isClosed) return
    const message = `costly documents wait: the worker that opens them first cannot be started: ${reason}`
    this.call((replica) => replica.emit({ type: 'warning', message, path: '' }))
  }

  /**
   * A store whose queue others have filled has not failed: our turn comes. Neither has one
   * without room: it is tried until there is some. What we write is within its other limits.
   */
  async #write(operations: readonly StoreOperation[]): Promise<void> {
    for (;;) {
      let delayMs = STORE_RETRY_DELAY_MS
      try {
        await this.#init.store.write(operations)
        return this.#setFull(undefined)
      } catch (error) {
        const code = isStoreError(error) ? error.code : undefined
        const isPassing = code === 'ERR_STORE_LIMIT' || code === 'ERR_STORE_FULL'
        if (!isPassing || this.#isClosing) throw error
        if (code === 'ERR_STORE_FULL') {
          this.#setFull(error)
          delayMs = STORE_FULL_RETRY_MS
        }
      }
      await this.#pause(delayMs)
    }
  }

  /** Without room nothing may pile up in memory either: peers come back when there is some. */
  #setFull(cause: unknown): void {
    const isFull = cause !== undefined
    if (this.#isFull === isFull) return
    this.#isFull = isFull
    if (isFull) {
      this.#noRoom.reject(storageFull(cause))
      for (const { channel } of this.#links.values()) channel.reset()
    } else this.#noRoom = failure()
    this.replica.setFull(isFull)
    this.#run(this.replica.takeEffects())
  }

  /** Those of one turn are read together: many small documents are most of the work. */
  #readSoon(id: string): void {
    this.#toRead.push(id)
    if (this.#toRead.length === 1) this.#work(this.#readTogether())
  }

  async #readTogether(): Promise<void> {
    await Promise.resolve()
    const wholes: string[] = []
    const others: Promise<void>[] = []
    for (const id of this.#toRead.splice(0)) {
      if (isSmallWhole(this.replica.knownDocument(id)?.stored)) wholes.push(id)
      else others.push(this.#read(id))
    }
    for (let at = 0; at < wholes.length; at += READ_TOGETHER) {
      await this.#readWholes(wholes.slice(at, at + READ_TOGETHER))
    }
    await Promise.all(others)
  }

  /** A document that was saved as one names the actors whose proofs lie beside it, so no range is searched. */
  async #readWholes(ids: readonly string[]): Promise<void> {
    const { store } = this.#init
    try {
      const keys = ids.map((id) => {
        return chunkKey(id, this.replica.knownDocument(id)?.stored.firstChunk ?? 0)
      })
      const chunks = await store.getMany(keys)
      const names = chunks.map((chunk) => (chunk ? actorsIn(chunk) : []))
      const proofs = await store.getMany(
        ids.flatMap((id, at) => (names[at] ?? []).map((actor) => proofKey(id, actor))),
      )
      let next = 0
      for (const [at, id] of ids.entries()) {
        const chunk = chunks[at]
        const own = proofs.slice(next, (next += names[at]?.length ?? 0))
        const whole = own.filter((proof) => proof !== undefined)
        if (!chunk || whole.length < own.length) await this.#read(id)
        else this.#input({ type: 'document-read', id, chunks: [chunk], proofs: whole })
      }
    } catch (error) {
      this.#input({ type: 'persist-failed', token: -1, error })
    }
  }

  async #read(id: string): Promise<void> {
    try {
      const [chunks, proofs] = await Promise.all([
        this.#values(chunkPrefix(id)),
        this.#values(proofPrefix(id)),
      ])
      this.#input({ type: 'document-read', id, chunks, proofs })
    } catch (error) {
      // A store that cannot be read is as good as one that cannot be written.
      this.#input({ type: 'persist-failed', token: -1, error })
    }
  }

  async #values(prefix: Uint8Array): Promise<Uint8Array[]> {
    const values = []
    for await (const { value } of this.#init.store.scan({ prefix })) values.push(value)
    return values
  }

  #setTimer({ link, inMs }: ReplicaEffect & { type: 'set-timer' }): void {
    if (this.#isClosed) return
    clearTimeout(this.#timers.get(link))
    const timer = setTimeout(() => {
      this.#timers.delete(link)
      this.#input({ type: 'timer', link })
    }, inMs)
    this.#timers.set(link, timer)
  }

  /** Measured to the end of the turn, as most of the work of sending comes after the replica's. */
  #rest(): void {
    const sinceMs = this.#inputAtMs
    this.#stopResting = atEndOfTurn(() => {
      const inMs = Math.min(LIVE_REST_FACTOR * (performance.now() - sinceMs), MAX_LIVE_REST_MS)
      if (inMs < 1) this.#input({ type: 'timer', link: liveTimer })
      else this.#setTimer({ type: 'set-timer', link: liveTimer, inMs })
    })
  }

  /** Speaks with a peer for as long as the channel lives. Settles, never rejects, when it ends. */
  async speak(peerId: PeerId, channel: SyncChannel): Promise<void> {
    if (this.#isClosed || this.#isFull) return channel.reset()
    const id = ++this.#lastLink
    const link: Link = { peerId, channel, queue: [], isSending: false, isEnded: false }
    this.#links.set(id, link)
    const rate = this.#rates.get(peerId) ?? new MessageRate(performance.now())
    this.#rates.set(peerId, rate)
    this.#input({ type: 'peer-connected', link: id, peerId })
    try {
      for (let bytes = await channel.receive(); bytes; bytes = await channel.receive()) {
        const delayMs = rate.take(performance.now())
        if (delayMs > 0) await this.#pause(delayMs)
        if (this.#isClosed) break
        this.#input({ type: 'peer-message', link: id, bytes })
      }
    } catch {
      // However it ended: the next channel compares again, nothing is lost.
    } finally {
      link.isEnded = true
      this.#links.delete(id)
      if (![...this.#links.values()].some((other) => other.peerId === peerId)) {
        this.#rates.delete(peerId)
      }
      clearTimeout(this.#timers.get(id))
      this.#timers.delete(id)
      this.#input({ type: 'peer-gone', link: id })
      channel.reset()
    }
  }

  /** Lets a peer wait; no longer than this engine lives. */
  async #pause(delayMs: number): Promise<void> {
    try {
      await pause(delayMs, this.#closed.signal)
    } catch {
      // Closed: whatever the peer still sends is not taken.
    }
  }

  #send(id: LinkId, bytes: Uint8Array): void {
    const link = this.#links.get(id)
    if (!link || link.isEnded) return
    link.queue.push(bytes)
    if (!link.isSending) this.#work(this.#drain(id, link))
  }

  async #drain(id: LinkId, link: Link): Promise<void> {
    link.isSending = true
    try {
      for (let bytes = link.queue.shift(); bytes && !link.isEnded; bytes = link.queue.shift()) {
        await link.channel.send(bytes)
        this.#input({ type: 'peer-sent', link: id, bytes: bytes.length })
      }
    } catch {
      // The reading side learns of the end as well, and cleans up.
      link.channel.reset()
    } finally {
      link.isSending = false
    }
  }

  async #signTogether(): Promise<void> {
    this.call((replica) => replica.signTogether(MIN_SIGNED_TOGETHER))
    await this.saved()
  }

  /** Saves what is there, ends the channels, and waits for the store. Idempotent. */
  async close(): Promise<void> {
    this.#isClosing = true
    if (!this.#isClosed) {
      if (!this.replica.failure) {
        await this.saved().catch(() => {})
        await this.#signTogether().catch(() => {})
      }
      this.#isClosed = true
      clearInterval(this.#interval)
      this.#closed.abort()
      for (const { channel } of this.#links.values()) channel.reset()
      for (const timer of this.#timers.values()) clearTimeout(timer)
      this.#timers.clear()
      this.#stopResting?.()
    }
    await this.#vetting.close()
    while (this.#jobs.size > 0) await Promise.all(this.#jobs)
  }
}

/** The longest that a timer of Node waits; beyond it fires at once, again and again. */
const MAX_TIMER_MS = 2_147_483_647

function assertInterval(ms: number): void {
  if (Number.isInteger(ms) && ms >= 1 && ms <= MAX_TIMER_MS) return
  throw new RangeError(`syncIntervalMs is ${ms}, expected 1 to ${MAX_TIMER_MS}`)
}

/** None for a damaged chunk: opening it finds that out. */
function actorsIn(chunk: Uint8Array): readonly string[] {
  try {
    return actorsOfSaved(chunk)
  } catch (error) {
    if (!isSyncError(error)) throw error
    return []
  }
}

function isSmallWhole(stored: StoredDocument | undefined): boolean {
  const isWhole = stored?.chunkCount === 1 && stored.laterBytes === 0
  return isWhole && stored.snapshotBytes <= MAX_BUNDLED_DOCUMENT_BYTES
}

function failure(): PromiseWithResolvers<never> {
  const resolvers = Promise.withResolvers<never>()
  // Only those who wait need to know; the event tells everybody else.
  resolvers.promise.catch(() => {})
  return resolvers
}

function storeFailed(cause: unknown): SyncError {
  return new SyncError('ERR_SYNC_STORE', 'the store failed; nothing more is accepted', { cause })
}

function storageFull(cause: unknown): SyncError {
  return new SyncError('ERR_STORAGE_FULL', 'the store has no room; it is tried again', {
    cause,
    hint: 'make room on the disk; nothing that was acknowledged is lost',
  })
}
