import {
  createArea,
  createPath,
  createUserKey,
  fullArea,
  full3dRange,
  grantCapability,
  createRootCapability,
  type McCapability,
  type Signer,
} from '@vudo/meadowcap'
import { waitFor } from '@vudo/testing'
import { describe, expect, test } from 'vitest'
import { MAX_SHOWN_CAPABILITIES, MAX_UNSTORED_SYNC_BYTES } from '../../src/limits.ts'
import {
  alice,
  bob,
  database,
  device,
  kinds,
  namespaceId,
  read,
  saw,
  text,
  write,
} from './devices.ts'
import { connectNetworks, createFakeNetwork } from './fake-network.ts'

function rootRead(user: Signer): McCapability {
  return createRootCapability({
    access: 'read',
    namespace: namespaceId,
    userKey: user.publicKey,
  })
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

  test('hold no more of what was written than the limit says while the store is slow', async () => {
    const a = await device(1, { openArea: fullArea })
    const b = await device(2, { openArea: fullArea })
    const insertMany = b.store.insertMany.bind(b.store)
    const isFree = Promise.withResolvers<void>()
    let taken = 0
    b.store.insertMany = async (entries, options) => {
      taken += entries.length
      await isFree.promise
      return insertMany(entries, options)
    }
    const line = connectNetworks(a.network, b.network, { database })
    await waitFor(() => saw(a, 'peer:reconciled')() && saw(b, 'peer:reconciled')())
    const beginning = '\0'.repeat(4_000)
    for (let at = 0; at < 300; at++) await write(a.store, alice, `${beginning}/${at}`, text('x'))
    const live = (): number => line.messages.filter(({ bytes }) => bytes[0] === kinds.live).length
    await waitFor(() => live() >= 300)
    // Each takes 9 kB, twice 4 kB of which are its path.
    expect(taken).toBeGreaterThan(100)
    expect(taken).toBeLessThan(MAX_UNSTORED_SYNC_BYTES / 9_000 + 1)
    isFree.resolve()
    await waitFor(() => b.store.count === 300)
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
