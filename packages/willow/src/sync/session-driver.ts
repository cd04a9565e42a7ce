import { entriesEqual, type McCapability } from '@vudo/meadowcap'
import type { PeerId } from '@vudo/transport'
import { isWillowError } from '../errors.ts'
import { MAX_TIMER_MS, MAX_UNSTORED_SYNC_BYTES } from '../limits.ts'
import { sizeOfEntry } from '../reconcile/entry-stream.ts'
import { StoreRequests } from '../reconcile/store-requests.ts'
import type { PayloadWriter, WillowStore } from '../store/store.ts'
import { Turns } from '../store/turns.ts'
import type { SessionEffect, SessionEvent, SessionInput, SessionTimer } from './session-effects.ts'
import type { WillowSession } from './session.ts'

/** What a sync needs of a channel; `Channel` of the network has it. */
export interface WillowSyncChannel {
  send(message: Uint8Array): Promise<void>
  receive(): Promise<Uint8Array | undefined>
  /** Ends it at once. */
  reset(code?: string): void
}

/** What a driver is made of. */
export interface SessionDriverInit {
  readonly session: WillowSession
  readonly channel: WillowSyncChannel
  readonly store: WillowStore
  readonly peerId: PeerId
  /** Tells of each capability whether it is valid, and not revoked here. */
  readonly areValid: (capabilities: readonly McCapability[]) => Promise<boolean[]>
  /** Names the session in the events of the store. */
  readonly origin: string
  readonly onEvent: (event: SessionEvent | (SessionEffect & { readonly type: 'fail' })) => void
  /** A payload is in hand no longer: others may receive it. */
  readonly onRelease: () => void
}

/** Gives a session its channel, its store and its timer; knows nothing of the protocol. */
export class SessionDriver {
  readonly peerId: PeerId
  readonly origin: string
  readonly #init: SessionDriverInit
  readonly #requests: StoreRequests
  readonly #writers = new Map<number, { readonly writer: PayloadWriter; readonly length: bigint }>()
  readonly #readers = new Map<number, AsyncIterator<Uint8Array>>()
  readonly #jobs = new Set<Promise<void>>()
  readonly #effects: SessionEffect[] = []
  /** Sends one message after the other. */
  readonly #turns = new Turns()
  readonly #timers = new Map<SessionTimer, NodeJS.Timeout>()
  #unstoredBytes = 0
  #onRoom: (() => void) | undefined
  #isRunning = false
  #isEnded = false

  constructor(init: SessionDriverInit) {
    this.#init = init
    this.peerId = init.peerId
    this.origin = init.origin
    this.#requests = new StoreRequests(init.store, init.origin)
  }

  /** Speaks for as long as the channel lives. Settles, never rejects, when all has ended. */
  async speak(): Promise<void> {
    const { channel } = this.#init
    this.input({ type: 'start' })
    try {
      for (let bytes = await channel.receive(); bytes; bytes = await channel.receive()) {
        if (this.#isEnded) break
        this.input({ type: 'message', bytes })
        while (!this.#hasRoom && !this.#isEnded) await this.#room()
      }
    } catch {
      // However it ended: the next channel reconciles again, nothing is lost.
    }
    await this.#close()
  }

  /** Ends the channel. */
  end(code?: string): void {
    this.#isEnded = true
    this.#init.channel.reset(code)
    this.#onRoom?.()
  }

  /** Tells the session something, and does what follows from it. */
  input(input: SessionInput): void {
    if (this.#isEnded) return
    this.#effects.push(...this.#init.session.handle(input, performance.now()))
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      for (let effect = this.#effects.shift(); effect; effect = this.#effects.shift()) {
        this.#execute(effect)
      }
    } finally {
      this.#isRunning = false
    }
    if (this.#hasRoom) this.#onRoom?.()
  }

  get #hasRoom(): boolean {
    // It depends on this end's store alone, so it ends: questions that wait, which the peer must
    // help to answer, are bounded by the reconciliation instead.
    return this.#unstoredBytes + this.#init.session.unstoredBytes < MAX_UNSTORED_SYNC_BYTES
  }

  async #room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onRoom = resolve
    await promise
    this.#onRoom = undefined
  }

  async #close(): Promise<void> {
    this.#isEnded = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#init.channel.reset()
    await Promise.all(this.#jobs)
    await this.#turns.take(() => Promise.resolve())
    await ignoring(this.#requests.close())
    for (const { writer } of this.#writers.values()) await ignoring(writer.close())
    for (const reader of this.#readers.values()) await ignoring(reader.return?.())
  }

  #execute(effect: SessionEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect.bytes)
      case 'verify':
        return this.#work(async () => {
          const answers = await this.#init.areValid(effect.capabilities)
          return { type: 'verified', answers }
        })
      case 'reconcile':
        return this.#work(async () => {
          const answer = await this.#requests.answer(effect.request)
          return { type: 'answer', answer }
        })
      case 'insert':
        return this.#insert(effect)
      case 'set-timer':
        return this.#setTimer(effect)
      case 'event':
        return this.#init.onEvent(effect.event)
      case 'fail':
        this.#init.onEvent(effect)
        return this.end(effect.code)
      default:
        return this.#payload(effect)
    }
  }

  #setTimer({ name, inMs }: SessionEffect & { readonly type: 'set-timer' }): void {
    clearTimeout(this.#timers.get(name))
    const timer = setTimeout(
      () => this.input({ type: 'timer', name }),
      Math.min(inMs, MAX_TIMER_MS),
    )
    this.#timers.set(name, timer)
  }

  #payload(
    effect: Extract<
      SessionEffect,
      {
        readonly type:
          | 'open-payload'
          | 'write-payload'
          | 'close-payload'
          | 'read-payload'
          | 'stop-reading'
      }
    >,
  ): void {
    switch (effect.type) {
      case 'open-payload':
        return this.#work(() => this.#open(effect))
      case 'write-payload':
        return this.#write(effect)
      case 'close-payload':
        return this.#work(() => this.#closeWriter(effect.id))
      case 'read-payload':
        return this.#work(() => this.#read(effect))
      case 'stop-reading':
        return this.#work(() => this.#stopReading(effect.id))
    }
  }

  /** In order; what the channel does not take any more was told to nobody. */
  #send(bytes: Uint8Array): void {
    void this.#turns.take(async () => {
      if (this.#isEnded) return
      try {
        await this.#init.channel.send(bytes)
      } catch {
        this.end()
      }
      this.input({ type: 'sent', bytes: bytes.length })
    })
  }

  /** Does something with the store and tells the session. A store that fails ends the channel, not the process. */
  #work(task: () => Promise<SessionInput | undefined>): void {
    const job = (async (): Promise<void> => {
      try {
        const input = await task()
        if (input !== undefined) this.input(input)
      } catch (error) {
        if (!isWillowError(error) && !isStoreFailure(error)) throw error
        this.end('ERR_WILLOW_STORE')
      }
    })()
    this.#jobs.add(job)
    void job.finally(() => this.#jobs.delete(job))
  }

  #insert({ token, entries }: SessionEffect & { readonly type: 'insert' }): void {
    const bytes = entries.reduce((sum, entry) => sum + sizeOfEntry(entry), 0)
    this.#unstoredBytes += bytes
    this.#work(async () => {
      const { store } = this.#init
      const outcomes = await store.insertMany(entries, { origin: this.origin })
      this.#unstoredBytes -= bytes
      return { type: 'inserted', token, outcomes }
    })
  }

  async #open({
    id,
    entry,
  }: SessionEffect & { readonly type: 'open-payload' }): Promise<SessionInput> {
    try {
      const writer = await this.#init.store.writePayload(entry, { origin: this.origin })
      this.#writers.set(id, { writer, length: entry.payloadLength })
      return { type: 'opened', id, from: writer.offset }
    } catch (error) {
      if (!isWillowError(error)) throw error
      if (error.code === 'ERR_ENTRY_GONE') return { type: 'opened', id, from: undefined }
      if (error.code === 'ERR_PAYLOAD_BUSY') return { type: 'opened', id, from: 'busy' }
      throw error
    }
  }

  #write({ id, bytes }: SessionEffect & { readonly type: 'write-payload' }): void {
    const target = this.#writers.get(id)
    if (target === undefined) return
    this.#unstoredBytes += bytes.length
    this.#work(async () => {
      const outcome = await writeTo(target.writer, bytes, target.length)
      this.#unstoredBytes -= bytes.length
      return { type: 'written', id, outcome }
    })
  }

  async #closeWriter(id: number): Promise<undefined> {
    const target = this.#writers.get(id)
    this.#writers.delete(id)
    await ignoring(target?.writer.close())
    if (target !== undefined) this.#init.onRelease()
    return undefined
  }

  async #read({
    id,
    start,
  }: SessionEffect & { readonly type: 'read-payload' }): Promise<SessionInput> {
    const { store } = this.#init
    if (start !== undefined) {
      const held = await store.get(start.entry)
      const isHeld = held !== undefined && entriesEqual(held.entry, start.entry)
      const bytes = isHeld ? await store.readPayload(start.entry, { from: start.from }) : undefined
      if (bytes === undefined) return { type: 'chunk', id, bytes: undefined }
      this.#readers.set(id, bytes[Symbol.asyncIterator]())
    }
    return { type: 'chunk', id, bytes: await this.#nextChunk(id) }
  }

  async #nextChunk(id: number): Promise<Uint8Array | undefined> {
    const reader = this.#readers.get(id)
    try {
      const next = await reader?.next()
      if (next?.done === false) return next.value
    } catch (error) {
      // Erased meanwhile, or damaged: the peer is told that there is no more.
      if (!isWillowError(error)) throw error
    }
    this.#readers.delete(id)
    return undefined
  }

  async #stopReading(id: number): Promise<undefined> {
    const reader = this.#readers.get(id)
    this.#readers.delete(id)
    await ignoring(reader?.return?.())
    return undefined
  }
}

async function writeTo(
  writer: PayloadWriter,
  bytes: Uint8Array,
  length: bigint,
): Promise<(SessionInput & { readonly type: 'written' })['outcome']> {
  try {
    await writer.write(bytes)
    return writer.offset === length ? 'complete' : 'stored'
  } catch (error) {
    if (!isWillowError(error)) throw error
    if (error.code === 'ERR_PAYLOAD_MISMATCH') return 'forged'
    if (error.code === 'ERR_ENTRY_GONE') return 'gone'
    throw error
  }
}

/** What fails while everything is being closed has no consequence: the next opening clears up. */
async function ignoring(promise: PromiseLike<unknown> | undefined): Promise<void> {
  try {
    await promise
  } catch {
    // See above.
  }
}

function isStoreFailure(error: unknown): boolean {
  return error instanceof Error && error.name === 'StoreError'
}
