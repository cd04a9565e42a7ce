import {
  authoriseEntry,
  createArea,
  createEntry,
  createNamespaceKey,
  createPath,
  createRootCapability,
  createUserKey,
  fullArea,
  full3dRange,
  grantCapability,
  type McCapability,
  type Signer,
} from '@vudo/meadowcap'
import { waitFor } from '@vudo/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { MAX_SHOWN_CAPABILITIES } from '../../src/limits.ts'
import { openMemoryWillowStore } from '../../src/store/memory-store.ts'
import type { WillowStore } from '../../src/store/store.ts'
import {
  createWillowSync,
  type WillowSync,
  type WillowSyncInit,
} from '../../src/sync/willow-sync.ts'
import { william3 } from '../../src/william3/william3.ts'
import { connectNetworks, createFakeNetwork, type FakeNetwork } from './fake-network.ts'

const namespaceId = createNamespaceKey({
  kind: 'communal',
  seed: seedOfKind(),
}).publicKey
const alice = createUserKey(new Uint8Array(32).fill(101))
const bob = createUserKey(new Uint8Array(32).fill(102))
const database = 'willow'

/** A seed whose key is a communal namespace. */
function seedOfKind(): Uint8Array {
  for (let at = 1; ; at++) {
    const seed = new Uint8Array(32).fill(at)
    if (((createUserKey(seed).publicKey[31] ?? 1) & 1) === 0) return seed
  }
}

const kinds = { reconcile: 4, live: 7, want: 9, payload: 10, cancel: 12 }

function alterPayload(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === kinds.payload) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  return bytes
}

interface Device {
  readonly network: FakeNetwork
  readonly store: WillowStore
  readonly sync: WillowSync
  readonly told: { readonly type: string; readonly payload: unknown }[]
}

const opened: Device[] = []

async function device(number: number, init: Partial<WillowSyncInit> = {}): Promise<Device> {
  const network = createFakeNetwork(number)
  const store = await openMemoryWillowStore({ namespaceId })
  const sync = createWillowSync({ network, store, database, ...init })
  const told: Device['told'][number][] = []
  const names = [
    'peer:ready',
    'peer:confirmed',
    'peer:reconciled',
    'peer:fault',
    'payload:failed',
    'payload:deferred',
  ] as const
  for (const name of names) sync.events.on(name, (payload) => told.push({ type: name, payload }))
  const made = { network, store, sync, told }
  opened.push(made)
  return made
}

afterEach(async () => {
  for (const { sync, store } of opened.splice(0)) {
    await sync.close()
    await store.close()
  }
})

let clock = 848_404_869_184_000n

async function write(
  store: WillowStore,
  user: Signer,
  place: string,
  data: Uint8Array,
): Promise<void> {
  clock += 1n
  const entry = createEntry({
    namespaceId,
    subspaceId: user.publicKey,
    path: createPath(place.split('/')),
    timestamp: clock,
    payloadLength: BigInt(data.length),
    payloadDigest: william3(data),
  })
  const capability = createRootCapability({
    access: 'write',
    namespace: namespaceId,
    userKey: user.publicKey,
  })
  const outcome = await store.insert({ entry, token: authoriseEntry(entry, capability, user) })
  expect(outcome.status).toBe('inserted')
  if (data.length === 0) return
  const writer = await store.writePayload(entry)
  await writer.write(data)
  await writer.close()
}

async function read(store: WillowStore, user: Signer, place: string): Promise<string | undefined> {
  const address = { subspaceId: user.publicKey, path: createPath(place.split('/')) }
  const held = await store.get(address)
  if (held === undefined || held.available < held.entry.payloadLength) return undefined
  const chunks: Uint8Array[] = []
  for await (const chunk of (await store.readPayload(address)) ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

function rootRead(user: Signer): McCapability {
  return createRootCapability({
    access: 'read',
    namespace: namespaceId,
    userKey: user.publicKey,
  })
}

function saw(one: Device, type: string): () => boolean {
  return () => one.told.some((event) => event.type === type)
}

describe('two devices of one open namespace', () => {
  test('exchange what either has, with payloads, and then what is written', async () => {
    const a = await device(1, { openArea: fullArea })
    const b = await device(2, { openArea: fullArea })
    await write(a.store, alice, 'notes/a', text('from Alice'))
    await write(b.store, bob, 'notes/b', text('x'.repeat(200_000)))
    connectNetworks(a.network, b.network, { database })
    await waitFor(async () => (await read(b.store, alice, 'notes/a')) === 'from Alice')
    await waitFor(async () => (await read(a.store, bob, 'notes/b'))?.length === 200_000)
    await write(a.store, alice, 'notes/later', text('live'))
    await waitFor(async () => (await read(b.store, alice, 'notes/later')) === 'live')
    expect(await a.store.summarise(full3dRange)).toEqual(await b.store.summarise(full3dRange))
    expect(saw(a, 'peer:fault')() || saw(b, 'peer:fault')()).toBe(false)
  })

  test('exchange many payloads, a few at a time', async () => {
    const a = await device(1, { openArea: fullArea })
    const b = await device(2, { openArea: fullArea })
    for (let at = 0; at < 40; at++) await write(a.store, alice, `${at}`, text('x'.repeat(at + 1)))
    const line = connectNetworks(a.network, b.network, { database })
    await waitFor(async () => (await read(b.store, alice, '39'))?.length === 40)
    await waitFor(async () => (await read(b.store, alice, '0'))?.length === 1)
    expect(await b.store.summarise(full3dRange)).toEqual(await a.store.summarise(full3dRange))
    expect(saw(a, 'peer:fault')() || saw(b, 'peer:fault')()).toBe(false)
    const lengths = line.messages
      .filter(({ bytes }) => bytes[0] === kinds.payload)
      .map(({ bytes }) => bytes.length)
    expect(lengths).toHaveLength(40)
    // Small ones first; those that are under way together may change places.
    for (const [at, length] of lengths.entries()) expect(Math.abs(length - 3 - at)).toBeLessThan(6)
  })

  test('pass on through the one between them what they write', async () => {
    const [a, b, c] = [
      await device(1, { openArea: fullArea }),
      await device(2, { openArea: fullArea }),
      await device(3, { openArea: fullArea }),
    ]
    connectNetworks(a.network, b.network, { database })
    connectNetworks(b.network, c.network, { database })
    await write(a.store, alice, 'far', text('through the middle'))
    await waitFor(async () => (await read(c.store, alice, 'far')) !== undefined)
    expect(await read(c.store, alice, 'far')).toBe('through the middle')
  })

  test('confirm an erasure that was sent live, and one that was made before', async () => {
    const a = await device(1, { openArea: fullArea })
    const b = await device(2, { openArea: fullArea })
    await write(a.store, alice, 'secret/plan', text('marker'))
    await write(a.store, alice, 'early', new Uint8Array())
    connectNetworks(a.network, b.network, { database })
    await waitFor(async () => (await read(b.store, alice, 'secret/plan')) === 'marker')
    await waitFor(saw(a, 'peer:confirmed'))
    const before = a.told.length
    await write(a.store, alice, 'secret', new Uint8Array())
    await waitFor(() => a.told.slice(before).some(({ type }) => type === 'peer:confirmed'))
    const confirmed = a.told.at(-1)?.payload
    const area = createArea({ subspaceId: alice.publicKey, path: createPath(['secret']) })
    expect(confirmed).toMatchObject({ peerId: b.network.peerId, area })
    const place = { subspaceId: alice.publicKey, path: createPath(['secret', 'plan']) }
    expect(await b.store.get(place)).toBeUndefined()
    expect(a.sync.seen.map(({ peerId }) => peerId)).toEqual([b.network.peerId])
  })

  test('leave large payloads where they are on a metered device until somebody asks', async () => {
    const a = await device(1, { openArea: fullArea })
    const b = await device(2, { openArea: fullArea, metered: true, deferAboveBytes: 100 })
    await write(a.store, alice, 'small', text('s'))
    await write(a.store, alice, 'large', text('l'.repeat(1_000)))
    connectNetworks(a.network, b.network, { database })
    await waitFor(async () => (await read(b.store, alice, 'small')) === 's')
    await waitFor(saw(b, 'payload:deferred'))
    const place = { subspaceId: alice.publicKey, path: createPath(['large']) }
    expect((await b.store.get(place))?.available).toBe(0n)
    expect(await b.sync.requestPayload(place)).toBe(true)
    await waitFor(async () => (await read(b.store, alice, 'large'))?.length === 1_000)
    expect(await b.sync.requestPayload(place)).toBe(false)
  })

  test('refuse a payload that was altered, and keep none of it', async () => {
    const a = await device(1, { openArea: fullArea })
    const b = await device(2, { openArea: fullArea })
    await write(a.store, alice, 'note', text('the true words'))
    connectNetworks(a.network, b.network, { database, tap: alterPayload })
    await waitFor(saw(b, 'payload:failed'))
    const failed = b.told.find(({ type }) => type === 'payload:failed')
    expect(failed?.payload).toMatchObject({ isForged: true })
    expect(await read(b.store, alice, 'note')).toBeUndefined()
  })

  test('take a payload from another peer when the one that was sending it forges it', async () => {
    const a = await device(1, { openArea: fullArea })
    const forger = await device(2, { openArea: fullArea, bytesPerSecond: 200_000 })
    const honest = await device(3, { openArea: fullArea })
    const data = new Uint8Array(300_000).fill(7)
    await write(forger.store, alice, 'note', data)
    const place = { subspaceId: alice.publicKey, path: createPath(['note']) }
    const { entry, token } = (await forger.store.get(place))!
    await honest.store.insert({ entry, token })
    const writer = await honest.store.writePayload(entry)
    await writer.write(data)
    const line = connectNetworks(a.network, forger.network, { database, tap: alterPayload })
    await waitFor(() => line.messages.some(({ bytes }) => bytes[0] === kinds.payload))
    // The forger's last piece waits for its budget; the honest one is not asked meanwhile.
    connectNetworks(a.network, honest.network, { database })
    await waitFor(saw(a, 'payload:failed'))
    await waitFor(async () => (await read(a.store, alice, 'note')) !== undefined)
    expect((await a.store.get(place))?.available).toBe(300_000n)
  })

  test('stop receiving what was erased', async () => {
    const a = await device(1, { openArea: fullArea, bytesPerSecond: 1_000 })
    const b = await device(2, { openArea: fullArea })
    await write(a.store, alice, 'large', new Uint8Array(200_000).fill(7))
    const line = connectNetworks(a.network, b.network, { database })
    await waitFor(() => line.messages.some(({ bytes }) => bytes[0] === kinds.payload))
    await write(b.store, alice, 'large', new Uint8Array())
    await waitFor(() => line.messages.some(({ bytes }) => bytes[0] === kinds.cancel))
    expect(saw(b, 'peer:fault')()).toBe(false)
  })

  test('speak over one channel of a session, and refuse another', async () => {
    const [a, b] = [
      await device(1, { openArea: fullArea }),
      await device(2, { openArea: fullArea }),
    ]
    connectNetworks(a.network, b.network, { database })
    await waitFor(() => saw(a, 'peer:ready')() && saw(b, 'peer:ready')())
    const [opener, other] = a.network.peerId < b.network.peerId ? [a, b] : [b, a]
    const [session] = opener.network.sessions
    const second = session?.openChannel('/vudo/willow/1', { database })
    expect(second).toBeDefined()
    expect(await second?.receive()).toBeUndefined()
    await write(opener.store, alice, 'note', text('still here'))
    await waitFor(async () => (await read(other.store, alice, 'note')) === 'still here')
  })

  test('go on with a payload where a cut has ended it', async () => {
    const a = await device(1, { openArea: fullArea, bytesPerSecond: 400_000 })
    const b = await device(2, { openArea: fullArea })
    await write(a.store, alice, 'film', text('f'.repeat(700_000)))
    const line = connectNetworks(a.network, b.network, { database })
    const place = { subspaceId: alice.publicKey, path: createPath(['film']) }
    await waitFor(() => line.messages.filter(({ bytes }) => bytes[0] === kinds.payload).length >= 4)
    line.cut()
    await waitFor(async () => ((await b.store.get(place))?.available ?? 0n) > 0n)
    const second = connectNetworks(a.network, b.network, { database })
    await waitFor(async () => (await read(b.store, alice, 'film'))?.length === 700_000)
    const again = second.messages.filter(({ bytes }) => bytes[0] === kinds.payload)
    expect(again.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(700_000)
  })
})

describe('what a peer may read', () => {
  test('is what its capability grants, and nothing beside it', async () => {
    const granted = grantCapability(rootRead(alice), {
      signer: alice,
      to: bob.publicKey,
      path: createPath(['shared']),
    })
    const a = await device(1, { capabilities: () => [rootRead(alice)], signers: [alice] })
    const b = await device(2, { capabilities: () => [granted], signers: [bob] })
    await write(a.store, alice, 'shared/one', text('for Bob'))
    await write(a.store, alice, 'private/two', text('not for Bob'))
    connectNetworks(a.network, b.network, { database })
    await waitFor(async () => (await read(b.store, alice, 'shared/one')) === 'for Bob')
    await write(a.store, alice, 'private/three', text('not for Bob'))
    await write(a.store, alice, 'shared/four', text('for Bob'))
    await waitFor(async () => (await read(b.store, alice, 'shared/four')) === 'for Bob')
    expect(b.store.count).toBe(2)
  })

  test('is nothing without a capability: no entry, no fingerprint, no payload leaves', async () => {
    const a = await device(1, { capabilities: () => [rootRead(alice)], signers: [alice] })
    const b = await device(2, { capabilities: () => [rootRead(bob)], signers: [bob] })
    await write(a.store, alice, 'mine', text('Alice'))
    const line = connectNetworks(a.network, b.network, { database })
    await waitFor(saw(a, 'peer:ready'))
    await waitFor(saw(b, 'peer:ready'))
    await write(a.store, alice, 'more', text('Alice'))
    await waitFor(() => line.messages.length >= 6)
    const sent = line.messages.map(({ bytes }) => bytes[0] ?? 0)
    expect(sent.toSorted((x, y) => x - y)).toEqual([1, 1, 2, 2, 3, 3])
    expect(b.store.count).toBe(0)
  })

  test('is nothing with a capability of somebody else, which it could only have copied', async () => {
    const granted = grantCapability(rootRead(alice), { signer: alice, to: bob.publicKey })
    const thief = createUserKey(new Uint8Array(32).fill(103))
    const a = await device(1, { capabilities: () => [rootRead(alice)], signers: [alice] })
    const b = await device(2, { capabilities: () => [granted], signers: [thief] })
    await write(a.store, alice, 'mine', text('Alice'))
    connectNetworks(a.network, b.network, { database })
    await waitFor(saw(b, 'peer:ready'))
    expect(b.told.find(({ type }) => type === 'peer:ready')?.payload).toMatchObject({ areas: [] })
    expect(b.store.count).toBe(0)
  })

  test("is what was granted to the peer's own node key", async () => {
    const b = createFakeNetwork(2)
    const granted = grantCapability(rootRead(alice), {
      signer: alice,
      to: new Uint8Array(Buffer.from(b.peerId, 'hex')),
    })
    const a = await device(1, { capabilities: () => [rootRead(alice)], signers: [alice] })
    const other = await device(2, { capabilities: () => [granted] })
    await write(a.store, alice, 'mine', text('Alice'))
    connectNetworks(a.network, other.network, { database })
    await waitFor(async () => (await read(other.store, alice, 'mine')) !== undefined)
    expect(other.store.count).toBe(1)
  })

  test('is nothing any more when the capability was revoked here', async () => {
    const granted = grantCapability(rootRead(alice), { signer: alice, to: bob.publicKey })
    const init = { capabilities: () => [rootRead(alice)], signers: [alice] }
    const a = await device(1, { ...init, isRevoked: (one) => one.delegations.length > 0 })
    const b = await device(2, { capabilities: () => [granted], signers: [bob] })
    await write(a.store, alice, 'mine', text('Alice'))
    connectNetworks(a.network, b.network, { database })
    await waitFor(saw(b, 'peer:ready'))
    expect(b.store.count).toBe(0)
  })

  test('is found out beside the main thread, whichever end is faster with it', async () => {
    const granted = grantCapability(rootRead(alice), { signer: alice, to: bob.publicKey })
    const checked = Promise.withResolvers<void>()
    const verifier = {
      async areValidCapabilities(all: readonly McCapability[]) {
        await checked.promise
        return all.map(() => true)
      },
    }
    const a = await device(1, { capabilities: () => [rootRead(alice)], signers: [alice], verifier })
    const b = await device(2, { capabilities: () => [granted], signers: [bob] })
    await write(a.store, alice, 'mine', text('Alice'))
    const line = connectNetworks(a.network, b.network, { database })
    await waitFor(() =>
      line.messages.some(({ bytes, from }) => bytes[0] === 3 && from === b.network.peerId),
    )
    expect(saw(a, 'peer:ready')() || saw(b, 'peer:ready')()).toBe(false)
    checked.resolve()
    await waitFor(async () => (await read(b.store, alice, 'mine')) === 'Alice')
  })

  test('does not grow with the number of capabilities that are shown', async () => {
    const many = Array.from({ length: MAX_SHOWN_CAPABILITIES + 10 }, (_, at) =>
      grantCapability(rootRead(alice), {
        signer: alice,
        to: bob.publicKey,
        path: createPath([`${at}`]),
      }),
    )
    const a = await device(1, { capabilities: () => [rootRead(alice)], signers: [alice] })
    const b = await device(2, { capabilities: () => many, signers: [bob] })
    connectNetworks(a.network, b.network, { database })
    await waitFor(saw(a, 'peer:ready'))
    const ready = a.told.find(({ type }) => type === 'peer:ready')?.payload
    expect((ready as { areas: unknown[] }).areas).toHaveLength(MAX_SHOWN_CAPABILITIES)
  })
})
