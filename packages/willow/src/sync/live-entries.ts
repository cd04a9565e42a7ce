import { createArea, createCursor, createSink, type Entry } from '@vudo/meadowcap'
import { willowError } from '../errors.ts'
import { MAX_BATCH_ENTRIES, MAX_UNCONFIRMED_ERASURES, MESSAGE_ENTRY_BYTES } from '../limits.ts'
import {
  EntryReader,
  EntryWriter,
  sizeOfEntry,
  type ReceivedEntry,
} from '../reconcile/entry-stream.ts'
import type { HeldEntry } from '../store/store.ts'
import type { SessionEffect, SessionInput } from './session-effects.ts'
import type { SessionMessage } from './session-wire.ts'

/** What live entries need of their session. */
export interface LiveHost {
  isShared(entry: Entry): boolean
  effect(effect: SessionEffect): void
  send(message: Exclude<SessionMessage, { readonly type: 'unknown' }>): void
}

interface Job {
  /** The number of the first of them. */
  readonly first: number
  readonly entries: readonly ReceivedEntry[]
}

/** Entries as they come in at either end, numbered; erasures among them are confirmed when they are stored. */
export class LiveEntries {
  readonly #host: LiveHost
  readonly #writer = new EntryWriter()
  readonly #reader = new EntryReader()
  #sent = 0
  #received = 0
  #lastToken = 0
  readonly #inserting = new Map<number, Job>()
  /** Erasures that were sent and are not confirmed, by number. */
  readonly #unconfirmed = new Map<number, Entry>()

  constructor(host: LiveHost) {
    this.#host = host
  }

  /** Sends one. Tells whether its confirmation, or an older one, need not come by another round. */
  write(held: HeldEntry): boolean {
    const sink = createSink()
    this.#writer.write(sink, held)
    this.#sent += 1
    this.#host.send({ type: 'live', bytes: sink.finish() })
    if (held.entry.payloadLength > 0n) return true
    this.#unconfirmed.set(this.#sent, held.entry)
    if (this.#unconfirmed.size <= MAX_UNCONFIRMED_ERASURES) return true
    const [oldest] = this.#unconfirmed.keys()
    this.#unconfirmed.delete(oldest!)
    return false
  }

  /** Takes what the peer sent. @throws `WillowError` and `MeadowcapError` for a fault. */
  read(bytes: Uint8Array): void {
    const cursor = createCursor(bytes)
    const entries: ReceivedEntry[] = []
    let entryBytes = 0
    while (cursor.remaining > 0) {
      if (entryBytes >= MESSAGE_ENTRY_BYTES) throw fault('too many bytes of entries at once')
      const received = this.#reader.read(cursor)
      if (!this.#host.isShared(received.entry)) throw fault('an entry outside of what is shared')
      entryBytes += sizeOfEntry(received)
      if (entries.push(received) > MAX_BATCH_ENTRIES) throw fault('too many entries at once')
    }
    if (entries.length === 0) throw fault('a live message without an entry')
    this.#lastToken += 1
    this.#inserting.set(this.#lastToken, { first: this.#received + 1, entries })
    this.#received += entries.length
    this.#host.effect({ type: 'insert', token: this.#lastToken, entries })
  }

  /** They are stored, or were rejected. Gives those whose payload the peer has. */
  inserted({ token, outcomes }: SessionInput & { readonly type: 'inserted' }): Entry[] {
    const job = this.#inserting.get(token)
    this.#inserting.delete(token)
    const offered: Entry[] = []
    for (const [at, { entry, available }] of (job?.entries ?? []).entries()) {
      const isHeld = outcomes[at]?.status !== 'rejected'
      const { payloadLength } = entry
      if (payloadLength === 0n) {
        this.#host.send({ type: 'stored', number: job!.first + at, isHeld })
      } else if (isHeld && available === payloadLength) offered.push(entry)
    }
    return offered
  }

  /** The peer says what became of an erasure. */
  stored({ number, isHeld }: SessionMessage & { readonly type: 'stored' }): void {
    if (number > this.#sent) throw fault('a confirmation of nothing that was sent')
    const entry = this.#unconfirmed.get(number)
    this.#unconfirmed.delete(number)
    if (entry === undefined || !isHeld) return
    const { subspaceId, path, timestamp: upTo } = entry
    const area = createArea({ subspaceId, path })
    this.#host.effect({ type: 'event', event: { type: 'confirmed', area, upTo } })
  }
}

function fault(what: string): Error {
  return willowError('ERR_WILLOW_SYNC_PROTOCOL', `the peer sent ${what}`)
}
