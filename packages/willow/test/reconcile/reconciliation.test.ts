import {
  areaTo3dRange,
  createArea,
  createCursor,
  createEntry,
  createPath,
  extendPath,
  full3dRange,
  pathRanges,
  type AuthorisedEntry,
  type Range3d,
} from '@vudo/meadowcap'
import { MAX_CHANNEL_MESSAGE_BYTES } from '@vudo/network'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_OPEN_RANGE_BYTES, MAX_RANGE_IDS, RECONCILE_ID_MEMORY_BYTES } from '../../src/limits.ts'
import { EntryReader, EntryWriter } from '../../src/reconcile/entry-stream.ts'
import type {
  ReconcileEffect,
  ReconcileInput,
  StoreAnswer,
  StoreRequest,
} from '../../src/reconcile/reconcile-effects.ts'
import { ItemReader, ItemWriter, type ReconcileItem } from '../../src/reconcile/reconcile-wire.ts'
import { createReconciliation } from '../../src/reconcile/reconciliation.ts'
import { openMemoryWillowStore } from '../../src/store/memory-store.ts'
import type { WillowStore } from '../../src/store/store.ts'
import { authorised, idOf, namespaceId, permissive } from '../store/model.ts'
import { End, reconcile } from './reconcile-pair.ts'

async function storeOf(count: number, from = 0): Promise<WillowStore> {
  const store = await openMemoryWillowStore({ namespaceId, verifier: permissive })
  const entries = Array.from({ length: count }, (_, at) =>
    createEntry({
      namespaceId,
      subspaceId: idOf(1),
      path: createPath([`${at + from}`]),
      timestamp: 5n,
      payloadLength: 1n,
      payloadDigest: new Uint8Array(32).fill(1),
    }),
  )
  await store.insertMany(entries.map(authorised))
  return store
}

/** Says something else in the name of a peer. */
function say(write: (writer: ItemWriter) => void, range: Range3d = full3dRange): Uint8Array {
  const writer = new ItemWriter(range, new EntryWriter())
  write(writer)
  return writer.take()
}

function itemsOf(bytes: Uint8Array, reader: ItemReader): ReconcileItem[] {
  const cursor = createCursor(bytes)
  const items: ReconcileItem[] = []
  while (cursor.remaining > 0) items.push(reader.read(cursor))
  return items
}

/** Cuts an open range in two, as near to its start as can be; says of any other that it is equal. */
function split(writer: ItemWriter, range: Range3d): void {
  if (range.paths.end !== undefined) return writer.equal()
  const at = extendPath(range.paths.start, [''])
  writer.part({ ...range, paths: pathRanges.create(range.paths.start, at) }, other, false)
  writer.part({ ...range, paths: pathRanges.create(at) }, other, true)
}

const other = new Uint8Array(32).fill(9)

describe('a reconciliation', () => {
  test('of equal stores needs two messages of less than 100 bytes together', async () => {
    await using left = await storeOf(300)
    await using right = await storeOf(300)
    const result = await reconcile(left, right, { range: full3dRange })
    expect(result).toMatchObject({ legs: 2, messages: 2 })
    expect(result.bytes).toBeLessThanOrEqual(100)
  })

  test('with an empty store needs no question about parts', async () => {
    await using left = await storeOf(300)
    await using right = await storeOf(0)
    expect(await reconcile(left, right, { range: full3dRange })).toMatchObject({ legs: 3 })
    await using empty = await storeOf(0)
    expect(await reconcile(empty, left, { range: full3dRange })).toMatchObject({ legs: 2 })
    expect(empty.count).toBe(300)
  })

  test('stores what comes in while nothing may go out', async () => {
    await using left = await storeOf(10)
    await using right = await storeOf(400, 5)
    const range = full3dRange
    const a = new End(left, { range, isInitiator: true })
    const b = new End(right, { range, isInitiator: false })
    const [root = new Uint8Array()] = await a.run({ type: 'start' })
    expect(await b.run({ type: 'pause' })).toEqual([])
    expect(await b.run({ type: 'message', bytes: root })).toEqual([])
    expect((await b.run({ type: 'resume' })).length).toBeGreaterThan(0)
  })
})

/** Entries whose paths share a long beginning: few bytes on the wire, and 8 kB each in memory. */
function longEntries(count: number): AuthorisedEntry[] {
  const beginning = new Uint8Array(4_000)
  return Array.from({ length: count }, (_, at) =>
    authorised(
      createEntry({
        namespaceId,
        subspaceId: idOf(1),
        path: createPath([beginning, `${at}`]),
        timestamp: 5n,
        payloadLength: 1n,
        payloadDigest: new Uint8Array(32).fill(1),
      }),
    ),
  )
}

test('entries with long paths go in messages that are not long in memory', async () => {
  await using left = await openMemoryWillowStore({ namespaceId, verifier: permissive })
  await left.insertMany(longEntries(400))
  await using right = await storeOf(0)
  const result = await reconcile(left, right, { range: full3dRange })
  expect(result.failed).toBeUndefined()
  expect(right.count).toBe(400)
})

describe('a peer that breaks the rules', () => {
  const cases: Record<string, (writer: ItemWriter) => void> = {
    'answers what nobody asked': (writer) => {
      writer.equal()
      writer.equal()
    },
    'starts when it is not its turn': (writer) =>
      writer.root({ range: full3dRange, fingerprint: other, isLast: true, idOffset: 0 }),
    'cuts a range into itself': (writer) => writer.part(full3dRange, other, true),
    'leaves a gap': (writer) => {
      const paths = pathRanges.create(createPath(['b']))
      writer.part({ ...full3dRange, paths }, other, true)
    },
    'wants what was not named': (writer) => writer.end(Uint8Array.of(0x80)),
    'does not finish its parts': (writer) => {
      const paths = pathRanges.create(createPath([]), createPath(['b']))
      writer.part({ ...full3dRange, paths }, other, false)
      writer.equal()
    },
  }

  test.each(Object.entries(cases))('%s, and is ended', async (_, write) => {
    await using store = await storeOf(100)
    const end = new End(store, { range: full3dRange, isInitiator: true })
    await end.run({ type: 'start' })
    await end.run({ type: 'message', bytes: say(write) })
    expect(end.failed).toMatchObject({ code: 'ERR_WILLOW_SYNC_PROTOCOL' })
    // Nothing follows.
    expect(await end.run({ type: 'message', bytes: say(write) })).toEqual([])
  })

  test('asks outside of the area, and is ended', async () => {
    await using store = await storeOf(100)
    const range = areaTo3dRange(createArea({ path: createPath(['1']) }))
    const end = new End(store, { range, isInitiator: false })
    const bytes = say(
      (writer) =>
        writer.root({ range: full3dRange, fingerprint: other, isLast: true, idOffset: 0 }),
      range,
    )
    expect(await end.run({ type: 'message', bytes })).toEqual([])
    expect(end.failed).toMatchObject({ code: 'ERR_WILLOW_SYNC_PROTOCOL' })
  })

  test('splits for ever, and is ended when there is nothing left to split', async () => {
    await using store = await storeOf(500)
    const range = full3dRange
    const end = new End(store, { range, isInitiator: true, settings: { threshold: 0, parts: 2 } })
    let sent = await end.run({ type: 'start' })
    const writer = new ItemWriter(range, new EntryWriter())
    const reader = new ItemReader(range, new EntryReader())
    let levels = 0
    for (; !end.failed && levels < 200; levels++) {
      // Of all that it is asked it takes the last range, which has no end, and cuts a bit off.
      const asked = sent.flatMap((bytes) => itemsOf(bytes, reader))
      for (const item of asked) {
        // Where a few are named only entries can be the answer.
        if (item.type === 'ids' && levels > 1) split(writer, range)
        else if (item.type === 'root' || item.type === 'part') split(writer, item.range)
      }
      sent = await end.run({ type: 'message', bytes: writer.take() })
    }
    expect(end.failed).toMatchObject({ code: 'ERR_WILLOW_SYNC_PROTOCOL' })
    expect(levels).toBeLessThan(2 * Math.log2(500))
  })

  test('asks about endless ranges without waiting for answers, and is ended', async () => {
    await using store = await storeOf(2)
    const end = new End(store, { range: full3dRange, isInitiator: true })
    await end.run({ type: 'start' })
    const writer = new ItemWriter(full3dRange, new EntryWriter())
    // Nothing goes out meanwhile: its own line is full.
    await end.run({ type: 'pause' })
    let start = createPath([])
    for (let at = 1; at < 70_000 && !end.failed; at++) {
      const next = createPath([Uint8Array.of(at >> 16, (at >> 8) & 255, at & 255)])
      writer.part({ ...full3dRange, paths: pathRanges.create(start, next) }, other, false)
      start = next
      if (at % 1_000 === 0) await end.run({ type: 'message', bytes: writer.take() })
    }
    expect(end.failed).toMatchObject({ code: 'ERR_WILLOW_SYNC_LIMIT' })
  })

  test('sends more in one message than it may take in memory, and is ended', async () => {
    await using store = await storeOf(0)
    const end = new End(store, { range: full3dRange, isInitiator: true })
    await end.run({ type: 'start' })
    const bytes = say((writer) => {
      for (const { entry, token } of longEntries(400)) {
        const fingerprint = other
        writer.entry({ entry, token, available: 1n, fingerprint })
      }
    })
    expect(bytes.length).toBeLessThan(MAX_CHANNEL_MESSAGE_BYTES)
    await end.run({ type: 'message', bytes })
    expect(end.failed).toMatchObject({ code: 'ERR_WILLOW_SYNC_LIMIT' })
    expect(store.count).toBe(0)
  })

  test('names more than fits into memory and waits for no answer, and is ended', () => {
    const asking = new AskingEnd()
    asking.handle({ type: 'start' })
    asking.hear((writer) => tile(writer, full3dRange, 200))
    expect(asking.sent).toBeGreaterThan(3_000)
    asking.core.handle({ type: 'pause' })
    const ids = Array.from({ length: MAX_RANGE_IDS }, (_, at) => at.toString(16).padStart(16, '0'))
    let messages = 0
    for (; messages < 3_000 && !asking.failed; messages++) asking.hear((writer) => writer.ids(ids))
    expect(asking.failed).toMatchObject({ code: 'ERR_WILLOW_SYNC_LIMIT' })
    const most = MAX_OPEN_RANGE_BYTES / (RECONCILE_ID_MEMORY_BYTES * MAX_RANGE_IDS)
    expect(messages).toBeLessThan(most + 1)
  })

  test('sends any bytes at all, and is ended by a typed error or answered', async () => {
    await using store = await storeOf(40)
    const honest = new End(store, { range: full3dRange, isInitiator: true })
    const [message = new Uint8Array()] = await honest.run({ type: 'start' })
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 80 }),
          fc.nat(8 * message.length - 1).map((bit) => flipped(message, bit)),
        ),
        async (bytes) => {
          const end = new End(store, { range: full3dRange, isInitiator: false })
          await end.run({ type: 'message', bytes })
          expect(end.failed?.code ?? 'answered').toMatch(
            /^(ERR_WILLOW_SYNC_(PROTOCOL|LIMIT)|answered)$/,
          )
        },
      ),
    )
  })
})

/** Cuts a range by time into parts that differ. */
function timeParts({ times, ...rest }: Range3d, count: number): Range3d[] {
  const step = ((times.end ?? times.start + 2n ** 40n) - times.start) / BigInt(count)
  const at = (part: number): bigint => times.start + step * BigInt(part)
  return Array.from({ length: count }, (_, part) => ({
    ...rest,
    times: { start: at(part), end: part === count - 1 ? times.end : at(part + 1) },
  }))
}

function tile(writer: ItemWriter, range: Range3d, count: number): void {
  const parts = timeParts(range, count)
  for (const [at, part] of parts.entries()) writer.part(part, other, at === count - 1)
}

/** An end whose store is so large that it cuts each range in sixteen; it names nothing while it is paused. */
class AskingEnd {
  readonly core = createReconciliation({ namespaceId, range: full3dRange, isInitiator: true })
  readonly #peer = new ItemWriter(full3dRange, new EntryWriter())
  readonly #reader = new ItemReader(full3dRange, new EntryReader())
  /** Questions that it has sent. */
  sent = 0
  failed: (ReconcileEffect & { readonly type: 'fail' }) | undefined

  hear(write: (peer: ItemWriter) => void): void {
    write(this.#peer)
    this.handle({ type: 'message', bytes: this.#peer.take() })
  }

  handle(input: ReconcileInput): void {
    const effects = [...this.core.handle(input)]
    for (let effect = effects.shift(); effect; effect = effects.shift()) {
      if (effect.type === 'fail') this.failed = effect
      else if (effect.type === 'send') this.sent += itemsOf(effect.bytes, this.#reader).length
      else if (effect.type === 'request') {
        const answer = this.#answer(effect.request)
        effects.push(...this.core.handle({ type: 'answer', answer }))
      }
    }
  }

  #answer(request: StoreRequest): StoreAnswer {
    const summary = {
      count: 1_000,
      fingerprint: new Uint8Array(32).fill(3),
      payloadBytes: 0n,
      minTimestamp: undefined,
      maxTimestamp: undefined,
    }
    if (request.type === 'summarise') return { type: 'summary', summary }
    if (request.type !== 'split') throw new Error(`it asks its store to ${request.type}`)
    const ranges = timeParts(request.range, request.parts)
    return { type: 'parts', parts: ranges.map((range) => ({ range, summary })) }
  }
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
}
