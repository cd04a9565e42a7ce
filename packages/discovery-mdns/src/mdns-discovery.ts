import { randomBytes } from 'node:crypto'
import { decodePeerRecord } from '@vudo/identity'
import type { AbortOptions, Discovery, PeerRecord, Topic } from '@vudo/transport'
import { ActiveTopics, type ActiveTopic, type Listener } from './active-topics.ts'
import { DiscoveryError } from './errors.ts'
import {
  ANNOUNCE_AGAIN_MS,
  ANSWER_BURST,
  ANSWERS_PER_SECOND,
  ASK_AT_MS,
  LOOKUP_MS,
  LOOKUP_QUIET_MS,
  MAX_CHECKS_PER_SECOND,
  MAX_DECODED_BYTES_PER_SECOND,
} from './limits.ts'
import { openMdnsSocket, type MdnsSocket } from './mdns-socket.ts'
import type { CheckedMdnsOptions } from './options.ts'
import { createPacketFilter, type Verdict } from './packet-filter.ts'
import {
  answerBytes,
  askedTags,
  encodeAnswer,
  encodeQuery,
  readAnswers,
  type Answer,
  type DnsPacket,
} from './packets.ts'
import { createRecordCache } from './record-cache.ts'
import { openRecord, sealRecord } from './sealed-record.ts'
import { createStats, type MdnsStats } from './stats.ts'
import { bucketAt, topicTag } from './tags.ts'
import { createTimers } from './timers.ts'
import { createTokenBucket } from './token-bucket.ts'
import { createWatch } from './watch.ts'

/** A `Discovery` on the local network, and what it has counted. */
export interface MdnsDiscovery extends Discovery {
  /** Counters since the start: a copy. */
  readonly stats: MdnsStats
}

/** Makes a discovery. Nothing is opened before it is used. */
export function createMdnsDiscovery(options: CheckedMdnsOptions): MdnsDiscovery {
  return new MulticastDiscovery(options)
}

class MulticastDiscovery implements MdnsDiscovery {
  readonly name = 'mdns'
  readonly isLocal = true

  readonly #options: CheckedMdnsOptions
  readonly #timers = createTimers()
  readonly #stats = createStats()
  readonly #cache = createRecordCache()
  readonly #topics = new ActiveTopics((hex) => this.#cache.drop(hex))
  readonly #judge: (packet: Uint8Array) => Verdict
  readonly #decodes = createTokenBucket(MAX_DECODED_BYTES_PER_SECOND, MAX_DECODED_BYTES_PER_SECOND)
  readonly #checks = createTokenBucket(MAX_CHECKS_PER_SECOND, MAX_CHECKS_PER_SECOND)
  #socket: MdnsSocket | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #lastError = ''

  constructor(options: CheckedMdnsOptions) {
    this.#options = options
    this.#judge = createPacketFilter(options.serviceType)
  }

  get stats(): MdnsStats {
    return { ...this.#stats }
  }

  async announce(topic: Topic, record: PeerRecord, options: AbortOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    const active = this.#activate(topic)
    const announcement = {
      record,
      cost: answerBytes(this.#answer(active, record, { tag: this.#tagNow(active) })),
      answers: createTokenBucket(ANSWER_BURST, ANSWERS_PER_SECOND),
    }
    active.announcements.set(record.peerId, announcement)
    try {
      await this.#open(options.signal)
    } catch (error) {
      if (active.announcements.get(record.peerId) === announcement) {
        active.announcements.delete(record.peerId)
      }
      this.#topics.release(active)
      throw error
    }
    const tell = (): void => {
      // Withdrawn or replaced in the meantime.
      if (active.announcements.get(record.peerId) === announcement) this.#tell(active, record)
    }
    tell()
    this.#timers.after(ANNOUNCE_AGAIN_MS, tell)
  }

  async withdraw(topic: Topic): Promise<void> {
    const active = this.#topics.get(topic)
    if (!active) return
    this.#sayGoodbye(active)
    active.announcements.clear()
    this.#topics.release(active)
  }

  async lookup(topic: Topic, { signal }: AbortOptions = {}): Promise<PeerRecord[]> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Closing and the signal reach who waits for the socket by another way.
    promise.catch(() => undefined)
    const active = this.#activate(topic)
    const listener: Listener = {
      onNews: () => undefined,
      onHeard: () => this.#timers.after(LOOKUP_QUIET_MS, resolve),
      onClose: () => reject(closedError()),
    }
    const abort = (): void => reject(signal?.reason)
    let patience: (() => void) | undefined
    try {
      this.#topics.addListener(active, listener)
      signal?.addEventListener('abort', abort, { once: true })
      await this.#open(signal)
      patience = this.#timers.after(LOOKUP_MS, resolve)
      this.#ask(active)
      await promise
      return this.#cache.of(active.hex, this.#options.now())
    } finally {
      patience?.()
      signal?.removeEventListener('abort', abort)
      this.#topics.removeListener(active, listener)
    }
  }

  async *watch(topic: Topic, { signal }: AbortOptions = {}): AsyncGenerator<PeerRecord, void> {
    if (signal?.aborted) return
    const active = this.#activate(topic)
    const watch = createWatch()
    const listener: Listener = {
      onNews: (record) => watch.offer(record),
      onClose: () => watch.end(),
    }
    const end = (): void => watch.end()
    let stopAsking: (() => void) | undefined
    try {
      this.#topics.addListener(active, listener)
      signal?.addEventListener('abort', end, { once: true })
      await this.#open(undefined)
      for (const record of this.#cache.of(active.hex, this.#options.now())) watch.offer(record)
      stopAsking = this.#keepAsking(active)
      for (let next = await watch.next(); next; next = await watch.next()) yield next
    } finally {
      stopAsking?.()
      signal?.removeEventListener('abort', end)
      this.#topics.removeListener(active, listener)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const active of this.#topics.all()) {
      this.#sayGoodbye(active)
      active.announcements.clear()
      for (const listener of active.listeners) listener.onClose()
    }
    this.#timers.close()
    // An opening that fails has told whoever waits for it.
    await this.#opening?.catch(() => undefined)
    await this.#socket?.close()
    this.#socket = undefined
  }

  /** Opens the socket, once for all who need it; after a failure the next one tries again. */
  async #open(signal: AbortSignal | undefined): Promise<void> {
    this.#opening ??= this.#openSocket()
    await orAborted(this.#opening, signal)
    if (this.#closing) throw closedError()
  }

  async #openSocket(): Promise<void> {
    try {
      this.#socket = await openMdnsSocket({
        port: this.#options.port,
        interface: this.#options.interface,
        admit: (packet) => this.#admit(packet),
        onQuery: (packet, bytes) => this.#onQuery(packet, bytes),
        onResponse: (packet) => this.#onResponse(packet),
        onGarbage: () => this.#stats.garbagePackets++,
        onError: (error) => this.#onError(error),
      })
    } catch (error) {
      this.#opening = undefined
      throw error
    }
  }

  #activate(topic: Topic): ActiveTopic {
    if (this.#closing) throw closedError()
    return this.#topics.activate(topic)
  }

  /** Asks by the schedule until it is stopped. */
  #keepAsking(active: ActiveTopic): () => void {
    let cancel: (() => void) | undefined
    let turn = 0
    const next = (): void => {
      cancel = this.#timers.after(this.#delayMs(turn++), () => {
        this.#ask(active)
        next()
      })
    }
    next()
    return () => cancel?.()
  }

  #delayMs(turn: number): number {
    const at = ASK_AT_MS[turn]
    if (at !== undefined) return at - (ASK_AT_MS[turn - 1] ?? 0)
    return this.#options.discoveryIntervalMs * (0.8 + 0.4 * this.#options.random())
  }

  #ask(active: ActiveTopic): void {
    this.#stats.queriesSent++
    this.#socket?.query(encodeQuery(this.#options, this.#tagNow(active)))
  }

  #tagNow(active: ActiveTopic): string {
    return topicTag(active.topic, bucketAt(this.#options.now()))
  }

  /** Sends what nobody asked for: a newcomer. */
  #tell(active: ActiveTopic, record: PeerRecord): void {
    this.#stats.announcementsSent++
    this.#socket?.respond(this.#answer(active, record, { tag: this.#tagNow(active) }))
  }

  #sayGoodbye(active: ActiveTopic): void {
    const tag = this.#tagNow(active)
    for (const { record } of active.announcements.values()) {
      this.#stats.announcementsSent++
      this.#socket?.respond(this.#answer(active, record, { tag, isGoodbye: true }))
    }
  }

  #answer(
    active: ActiveTopic,
    record: PeerRecord,
    { tag, isGoodbye = false }: { readonly tag: string; readonly isGoodbye?: boolean },
  ): DnsPacket {
    const sealed = sealRecord(active.key, record.bytes, { tag, isGoodbye })
    // A new name each time: one that stayed would tell two topics of a node from two nodes.
    return encodeAnswer(this.#options, { tag, sealed, isGoodbye }, randomBytes(4).toString('hex'))
  }

  /** From the cheapest check to the dearest; only what remains is decoded. */
  #admit(packet: Uint8Array): boolean {
    const verdict = this.#judge(packet)
    if (verdict === 'garbage') this.#stats.garbagePackets++
    if (verdict !== 'ours') return false
    const isInTime = this.#decodes.take(this.#options.now(), packet.length)
    if (!isInTime) this.#stats.packetsSkipped++
    return isInTime
  }

  #onQuery(packet: DnsPacket, bytes: number): void {
    this.#stats.queriesReceived++
    const nowMs = this.#options.now()
    let paidBytes = bytes
    let isOurs = false
    for (const tag of new Set(askedTags(this.#options, packet))) {
      const active = this.#topics.find(tag, nowMs)
      for (const announcement of active?.announcements.values() ?? []) {
        isOurs = true
        const { cost, record } = announcement
        // Never more bytes out than in: nobody can be flooded through us. Asked before a token is
        // taken, or small queries would use up the answers of others; sealing comes last, it costs most.
        if (cost > paidBytes || !announcement.answers.take(nowMs)) {
          this.#stats.answersHeldBack++
          continue
        }
        paidBytes -= cost
        this.#stats.answersSent++
        this.#stats.answerBytesOut += cost
        this.#socket?.respond(this.#answer(active!, record, { tag }))
      }
    }
    if (isOurs) this.#stats.queryBytesIn += bytes
  }

  #onResponse(packet: DnsPacket): void {
    for (const answer of readAnswers(this.#options, packet)) {
      const active = this.#topics.find(answer.tag, this.#options.now())
      if (active) this.#heard(active, answer)
    }
  }

  #heard(active: ActiveTopic, answer: Answer): void {
    const nowMs = this.#options.now()
    const bytes = openRecord(active.key, answer.sealed, answer)
    const isKnown =
      bytes !== undefined && !answer.isGoodbye && this.#cache.refresh(active.hex, bytes, nowMs)
    if (isKnown) this.#accept(active)
    else if (!bytes) this.#stats.recordsRefused++
    else if (!this.#checks.take(nowMs)) this.#stats.recordsSkipped++
    else this.#check(active, bytes, answer.isGoodbye)
  }

  #check(active: ActiveTopic, bytes: Uint8Array, isGoodbye: boolean): void {
    const nowMs = this.#options.now()
    let record: PeerRecord
    try {
      record = decodePeerRecord(bytes, nowMs)
    } catch {
      // Malformed, forged or expired: somebody who knows the topic sent it. Counted, and that is all.
      this.#stats.recordsRefused++
      return
    }
    if (isGoodbye) {
      this.#cache.remove(active.hex, record)
      return
    }
    if (this.#cache.put(active.hex, record, nowMs)) {
      for (const listener of active.listeners) listener.onNews(record)
    }
    this.#accept(active)
  }

  #accept(active: ActiveTopic): void {
    this.#stats.recordsAccepted++
    for (const listener of active.listeners) listener.onHeard?.()
  }

  #onError(error: DiscoveryError): void {
    this.#stats.socketErrors++
    // A lost interface reports itself every five seconds; once is enough.
    if (error.message === this.#lastError) return
    this.#lastError = error.message
    this.#options.onError(error)
  }
}

/** `promise`, or the signal's reason. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function closedError(): DiscoveryError {
  return new DiscoveryError('ERR_DISCOVERY_CLOSED', 'the discovery is closed')
}
