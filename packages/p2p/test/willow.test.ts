import { access as canAccess } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { createAuthorKey, createNodeKey } from '@vudo/identity'
import { openMemoryStore } from '@vudo/storage'
import { parseP2POptions } from '../src/settings.ts'
import { openWillowOf } from '../src/willow.ts'
import type { Willow } from '@vudo/willow'
import { addressOf, createNode, createNodeIn, freshFolder, limit, startPair } from './nodes.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('a node with Willow', () => {
  it('writes, reads and erases', async () => {
    const node = await createNode({ willow: true })
    const willow = node.willow()
    const app = await willow.mapNamespace('myapp.v1')
    await willow.writeEntry(app, willow.userId, ['notes', 'one'], utf8('hello'))
    expect(await willow.readEntry(app, willow.userId, 'notes/one')).toEqual(utf8('hello'))
    const receipt = await willow.erase('notes', { reason: 'tidying' })
    expect(String(receipt)).toBe('Erased on 1 of 1 known device.')
    expect(await willow.readEntry(app, willow.userId, 'notes/one')).toBeUndefined()
  })

  it('signs with a key of its own', async () => {
    const node = await createNode({ willow: true })
    const { userId } = node.willow()
    expect(userId).toMatch(/^[0-9a-f]{64}$/)
    expect([node.peerId, node.authorId]).not.toContain(userId)
  })

  it('keeps entries and key in its data directory', async () => {
    const dataDir = await freshFolder()
    const first = await createNodeIn(dataDir, { willow: true })
    const { userId } = first.willow()
    const app = await first.willow().mapNamespace('myapp.v1')
    await first.willow().writeEntry(app, userId, 'a', utf8('kept'))
    await first.stop()
    await expect(canAccess(path.join(dataDir, 'willow'))).resolves.toBeUndefined()
    const second = await createNodeIn(dataDir, { willow: true })
    await second.willow().mapNamespace('myapp.v1')
    expect(second.willow().userId).toBe(userId)
    expect(await second.willow().readEntry(app, userId, 'a')).toEqual(utf8('kept'))
  })
})

describe('two nodes with Willow', () => {
  it('sync entries, and confirm that they have erased', async () => {
    const { a, b } = await startPair({ willow: true })
    const [here, there] = [a.willow(), b.willow()]
    const app = await here.mapNamespace('myapp.v1')
    await there.mapNamespace('myapp.v1')
    const arrived = nextComplete(there)
    await here.writeEntry(app, here.userId, 'notes/one', utf8('hello'))
    await arrived
    expect(await there.readEntry(app, here.userId, 'notes/one')).toEqual(utf8('hello'))

    const receipt = await here.erase('notes', { reason: 'tidying' })
    const outcome = await receipt.whenConfirmed({ timeoutMs: 10_000 })
    expect(outcome).toEqual({ confirmed: [b.peerId], waiting: [] })
    expect(String(receipt)).toBe('Erased on 2 of 2 known devices.')
    expect(await there.readEntry(app, here.userId, 'notes/one')).toBeUndefined()
  })

  it('erase when they next meet; until then the receipt says who is missing', async () => {
    const [dirA, dirB] = [await freshFolder(), await freshFolder()]
    const a = await createNodeIn(dirA, { willow: true })
    const b = await createNodeIn(dirB, { willow: true, database: a.ticket })
    await Promise.all([a.start(), b.start()])
    const app = await a.willow().mapNamespace('myapp.v1')
    await b.willow().mapNamespace('myapp.v1')
    const { userId } = a.willow()
    const arrived = nextComplete(b.willow())
    await a.connectPeer(addressOf(b))
    await a.willow().writeEntry(app, userId, 'notes/one', utf8('hello'))
    await arrived
    await b.stop()

    const receipt = await a.willow().erase('notes', { reason: 'tidying' })
    const early = await receipt.whenConfirmed({ by: 'online', timeoutMs: 0 })
    expect(early).toEqual({ confirmed: [], waiting: [b.peerId] })
    expect(String(receipt)).toMatch(/^Erased on 1 of 2 known devices; 1 (not seen|seen) since/)

    await b.start()
    await b.willow().mapNamespace('myapp.v1')
    expect(await b.willow().readEntry(app, userId, 'notes/one')).toEqual(utf8('hello'))
    await b.connectPeer(addressOf(a))
    expect(await receipt.whenConfirmed({ timeoutMs: 10_000 })).toEqual({
      confirmed: [b.peerId],
      waiting: [],
    })
    expect(await b.willow().readEntry(app, userId, 'notes/one')).toBeUndefined()
  })

  it('share nothing of an owned namespace without a right to read it', async () => {
    const { a, b } = await startPair({ willow: true })
    const [chief, nurse] = [a.willow(), b.willow()]
    const ward = await chief.createNamespace()
    await chief.writeEntry(ward, chief.userId, 'patients/p-1/plan', utf8('plan 1'))
    await chief.writeEntry(ward, chief.userId, 'patients/p-2/plan', utf8('plan 2'))
    const arrived = nextComplete(nurse)
    for (const access of ['read', 'write'] as const) {
      const granted = await chief.grant({ to: nurse.userId, access, path: 'patients/p-1' })
      await nurse.importCapability(chief.exportCapability(granted))
    }
    await arrived
    const seen: string[] = []
    for await (const { path: at } of nurse.list()) seen.push(at.toString())
    expect(seen).toEqual(['/patients/p-1/plan'])

    const noted = nextComplete(chief)
    await nurse.writeEntry(ward, nurse.userId, 'patients/p-1/note', utf8('slept well'))
    await noted
    expect(await chief.readEntry(ward, nurse.userId, 'patients/p-1/note')).toEqual(
      utf8('slept well'),
    )
    const receipt = await chief.erase('patients', { reason: 'request 7' })
    const { waiting } = await receipt.whenConfirmed({ timeoutMs: 10_000 })
    expect(waiting).toEqual([])
    expect(receipt.report()).toMatchObject({ erasedCount: 3, confirmed: [{ device: b.peerId }] })
    expect(await nurse.readEntry(ward, nurse.userId, 'patients/p-1/note')).toBeUndefined()
  })

  it('erase also what somebody holds who may read a part only and was not known', async () => {
    const [dirA, dirB] = [await freshFolder(), await freshFolder()]
    const a = await createNodeIn(dirA, { willow: true })
    const b = await createNodeIn(dirB, { willow: true, database: a.ticket })
    await Promise.all([a.start(), b.start()])
    const chief = a.willow()
    const ward = await chief.createNamespace()
    await chief.writeEntry(ward, chief.userId, 'patients/p-1/plan', utf8('plan'))
    const right = await chief.grant({
      to: b.willow().userId,
      access: 'read',
      path: 'patients/p-1',
    })
    const arrived = nextComplete(b.willow())
    await b.willow().importCapability(chief.exportCapability(right))
    await a.connectPeer(addressOf(b))
    await arrived
    await b.stop()
    await chief.forgetDevice(b.peerId)

    // Nothing is left here that would tell of the right: it shows when the device comes back.
    const receipt = await chief.erase('patients', { reason: 'request 7' })
    expect(String(receipt)).toBe('Erased on 1 of 1 known device.')
    await b.start()
    await b.willow().openNamespace(ward)
    expect(await b.willow().readEntry(ward, chief.userId, 'patients/p-1/plan')).toBeDefined()
    const confirmed = chief.events.once('erasure:confirmed', { signal: limit() })
    await b.connectPeer(addressOf(a))
    expect(await confirmed).toEqual({ namespace: ward, device: b.peerId })
    expect(String(receipt)).toBe('Erased on 2 of 2 known devices.')
    expect(await b.willow().readEntry(ward, chief.userId, 'patients/p-1/plan')).toBeUndefined()
  })
})

describe('a node without Willow', () => {
  it('says which option is missing', async () => {
    const node = await createNode()
    expect(() => node.willow()).toThrow(
      expect.objectContaining({
        code: 'ERR_WILLOW_DISABLED',
        hint: 'createP2P({ willow: true })',
      }),
    )
    await node.stop()
    expect(() => node.willow()).toThrow(expect.objectContaining({ code: 'ERR_P2P_STOPPED' }))
  })

  it('says how to install what is missing', async () => {
    const missing = Object.assign(new Error("Cannot find package '@vudo/willow'"), {
      code: 'ERR_MODULE_NOT_FOUND',
    })
    await expect(openWith(() => Promise.reject(missing))).rejects.toMatchObject({
      code: 'ERR_WILLOW_MISSING',
      hint: 'npm i @vudo/willow',
    })
    const other = Object.assign(
      new Error("Cannot find package 'other' imported from /node_modules/@vudo/willow/index.js"),
      { code: 'ERR_MODULE_NOT_FOUND' },
    )
    await expect(openWith(() => Promise.reject(other))).rejects.toBe(other)
  })
})

/** The next entry of which all bytes have come; fails after 20 s. */
async function nextComplete(willow: Willow): Promise<void> {
  const signal = limit()
  while (!(await willow.events.once('payload:changed', { signal })).isComplete);
}

/** Opens Willow by a package that cannot be loaded. */
async function openWith(load: () => Promise<never>): Promise<void> {
  const store = await openMemoryStore()
  const key = createNodeKey()
  const author = createAuthorKey()
  const ticket = { databaseId: 'db', secret: undefined, peers: [] }
  const belongings = { key, author, ticket, store, replacedTicketFile: undefined }
  const settings = parseP2POptions({ storage: 'memory', willow: true })
  try {
    await openWillowOf(settings, belongings, { load })
  } finally {
    await store.close()
  }
}
