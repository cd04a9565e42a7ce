import { describe, expect, it } from 'vitest'
import {
  authoriseEntry,
  Capability,
  createEntry,
  createUserKey,
  EMPTY_PAYLOAD_DIGEST,
  fullArea,
  parsePath,
  timestampFromUnixMs,
  type AuthorisedEntry,
  type Signer,
} from '@vudo/meadowcap'
import { hexToBytes } from '@vudo/wire'
import {
  allOf,
  createWillow,
  freshFolder,
  pathsOf,
  startMs,
  textOf,
  utf8,
  withWillowIn,
  type HandClock,
} from './willows.ts'

/** A tombstone by a user of a communal namespace, dated when the test likes. */
function authorised(signer: Signer, namespace: string, unixMs: number): AuthorisedEntry {
  const namespaceId = hexToBytes(namespace)
  const entry = createEntry({
    namespaceId,
    subspaceId: signer.publicKey,
    path: parsePath('clock'),
    timestamp: timestampFromUnixMs(unixMs),
    payloadLength: 0n,
    payloadDigest: EMPTY_PAYLOAD_DIGEST,
  })
  const all = Capability.newRoot({
    access: 'write',
    namespace: namespaceId,
    userKey: signer.publicKey,
  })
  return { entry, token: authoriseEntry(entry, all, signer) }
}

describe('entries', () => {
  it('are written, read, listed and replaced', async () => {
    const willow = await createWillow()
    const app = await willow.mapNamespace('myapp.v1')
    const me = willow.userId
    await willow.writeEntry(app, me, 'notes/one', utf8('first'))
    await willow.writeEntry(app, me, ['notes', 'two'], utf8('second'))
    // In the same millisecond, and newer all the same.
    const info = await willow.writeEntry(app, me, 'notes/one', utf8('better'))
    expect(info).toMatchObject({ namespace: app, subspace: me, bytes: 6n, isComplete: true })
    expect(textOf(await willow.readEntry(app, me, 'notes/one'))).toBe('better')
    expect(await willow.readEntry(app, me, 'notes/three')).toBeUndefined()
    expect(await pathsOf(willow.list('notes'))).toEqual(['/notes/one', '/notes/two'])
    expect(await pathsOf(willow.list([], { limit: 1 }))).toEqual(['/notes/one'])
  })

  it('come from the same name to the same namespace', async () => {
    const [a, b] = [await createWillow(), await createWillow()]
    expect(await a.mapNamespace('myapp.v1')).toBe(await b.mapNamespace('myapp.v1'))
    expect(await a.mapNamespace('myapp.v2')).not.toBe(await b.mapNamespace('myapp.v1'))
  })

  it('are not erased by a write above them', async () => {
    const willow = await createWillow()
    const app = await willow.mapNamespace('myapp.v1')
    await willow.writeEntry(app, willow.userId, 'notes/one', utf8('first'))
    const above = willow.writeEntry(app, willow.userId, 'notes', utf8('all'))
    await expect(above).rejects.toMatchObject({ code: 'ERR_WRITE_WOULD_ERASE' })
    expect(textOf(await willow.readEntry(app, willow.userId, 'notes/one'))).toBe('first')
  })

  it('are not erased by a write above them that begins at the same moment', async () => {
    const willow = await createWillow()
    const app = await willow.mapNamespace('myapp.v1')
    const write = (path: string): Promise<unknown> =>
      willow.writeEntry(app, willow.userId, path, utf8(path))
    const [below, above] = await Promise.allSettled([write('notes/one'), write('notes')])
    expect(below.status).toBe('fulfilled')
    expect(above).toMatchObject({ reason: { code: 'ERR_WRITE_WOULD_ERASE' } })
    expect(textOf(await willow.readEntry(app, willow.userId, 'notes/one'))).toBe('notes/one')
  })

  it('have bytes: none would erase', async () => {
    const willow = await createWillow()
    const app = await willow.mapNamespace('myapp.v1')
    const write = willow.writeEntry(app, willow.userId, 'notes', new Uint8Array())
    await expect(write).rejects.toThrow(RangeError)
  })

  it('survive many writers of one place', async () => {
    const willow = await createWillow()
    const app = await willow.mapNamespace('myapp.v1')
    const texts = ['a', 'b', 'c', 'd']
    const writes = texts.map((text) => willow.writeEntry(app, willow.userId, 'x', utf8(text)))
    await Promise.all(writes)
    expect(texts).toContain(textOf(await willow.readEntry(app, willow.userId, 'x')))
  })

  it('need a namespace that is clear', async () => {
    const willow = await createWillow()
    const unclear = { code: 'ERR_NAMESPACE_UNCLEAR' }
    await expect(pathsOf(willow.list())).rejects.toMatchObject(unclear)
    const app = await willow.mapNamespace('one')
    await expect(pathsOf(willow.list())).resolves.toEqual([])
    await willow.mapNamespace('two')
    await expect(pathsOf(willow.list())).rejects.toMatchObject(unclear)
    await expect(pathsOf(willow.list([], { namespace: app }))).resolves.toEqual([])
    await expect(willow.readEntry('app', willow.userId, 'x')).rejects.toThrow(TypeError)
  })

  it('are there after a restart, with capabilities and receipts', async () => {
    const folder = await freshFolder()
    const userKey = createUserKey()
    const ward = await withWillowIn(folder, { userKey }, async (willow) => {
      const id = await willow.createNamespace()
      await willow.writeEntry(id, willow.userId, 'kept', utf8('kept'))
      await willow.writeEntry(id, willow.userId, 'gone', utf8('gone'))
      await willow.erase('gone', { reason: 'tidying' })
      return id
    })
    await withWillowIn(folder, { userKey }, async (willow) => {
      await willow.openNamespace(ward)
      expect(await pathsOf(willow.list())).toEqual(['/kept'])
      expect(willow.capabilities.size).toBe(2)
      expect(willow.erasures().map((receipt) => receipt.report())).toMatchObject([
        { path: '/gone', reason: 'tidying', erasedCount: 1, by: willow.userId },
      ])
      await willow.writeEntry(ward, willow.userId, 'new', utf8('new'))
    })
  })
})

describe('capabilities', () => {
  it('let another user write where they say, until they say', async () => {
    const clock: HandClock = { ms: startMs }
    const chief = await createWillow({}, clock)
    const nurse = await createWillow({}, clock)
    const ward = await chief.createNamespace()
    const granted = await chief.grant({
      to: nurse.userId,
      access: 'write',
      path: 'patients/p-118',
      expiresAt: new Date(startMs + 60_000),
    })
    const capability = await nurse.importCapability(` ${chief.exportCapability(granted)}\n`)
    const note = utf8('slept well')
    await nurse.writeEntry(ward, nurse.userId, 'patients/p-118/note-1', note, capability)
    // The best one is found by itself.
    await nurse.writeEntry(ward, nurse.userId, 'patients/p-118/note-2', note)
    const elsewhere = nurse.writeEntry(ward, nurse.userId, 'patients/p-119/note-1', note)
    await expect(elsewhere).rejects.toMatchObject({ code: 'ERR_CAPABILITY_MISSING' })
    const given = nurse.writeEntry(ward, nurse.userId, 'patients/p-119/n', note, capability)
    await expect(given).rejects.toMatchObject({ code: 'ERR_WRITE_DENIED' })
    clock.ms += 60_000
    const late = nurse.writeEntry(ward, nurse.userId, 'patients/p-118/note-3', note)
    await expect(late).rejects.toMatchObject({ code: 'ERR_CAPABILITY_MISSING' })
  })

  it('cannot be widened', async () => {
    const [chief, nurse] = [await createWillow(), await createWillow()]
    await chief.createNamespace()
    const text = chief.exportCapability(
      await chief.grant({ to: nurse.userId, access: 'write', path: 'patients' }),
    )
    const held = await nurse.importCapability(text)
    const more = nurse.grant({ to: chief.userId, access: 'write', path: 'staff' })
    await expect(more).rejects.toMatchObject({ code: 'ERR_CAPABILITY_MISSING' })
    const forced = nurse.grant({ to: chief.userId, access: 'write', path: 'staff', from: held })
    await expect(forced).rejects.toMatchObject({ code: 'ERR_CAPABILITY_WIDENED' })
    const less = await nurse.grant({ to: chief.userId, access: 'write', path: 'patients/p-1' })
    expect(Capability.isValid(less)).toBe(true)
  })

  it('are refused here when they are revoked, also after a restart, until that is taken back', async () => {
    const folder = await freshFolder()
    const userKey = createUserKey()
    const nurse = await createWillow()
    const note = utf8('slept well')
    const word = await withWillowIn(folder, { userKey }, async (chief) => {
      await chief.createNamespace()
      const granted = await chief.grant({ to: nurse.userId, access: 'write' })
      expect(await chief.revoke(granted)).toBe(chief.revoked.capabilities[0])
      return chief.exportCapability(granted)
    })
    const { namespaceKey } = await nurse.importCapability(word)
    await nurse.writeEntry(namespaceKey, nurse.userId, 'a', note)
    const [held] = await allOf(nurse.store(namespaceKey).query(fullArea))
    if (!held) throw new Error('it was written')
    await withWillowIn(folder, { userKey }, async (chief) => {
      await chief.openNamespace(namespaceKey)
      const insert = (): Promise<unknown> => chief.store(namespaceKey).insert(held)
      expect(await insert()).toMatchObject({ status: 'rejected', reason: 'revoked' })
      expect(await chief.restore(chief.revoked.capabilities[0] ?? '')).toBe(true)
      const byKey = await chief.revoke(nurse.userId)
      expect(await insert()).toMatchObject({ status: 'rejected', reason: 'revoked' })
      await chief.restore(byKey)
      expect(await insert()).toMatchObject({ status: 'inserted' })
    })
  })

  it('are refused when they are granted to somebody else', async () => {
    const [chief, nurse, other] = [await createWillow(), await createWillow(), await createWillow()]
    await chief.createNamespace()
    const text = chief.exportCapability(await chief.grant({ to: nurse.userId, access: 'write' }))
    await expect(other.importCapability(text)).rejects.toMatchObject({
      code: 'ERR_CAPABILITY_RECEIVER',
    })
    expect([other.namespaces, other.capabilities.size]).toEqual([[], 0])
    await nurse.importCapability(text)
    expect(nurse.namespaces).toEqual(chief.namespaces)
  })

  it('are refused when they are cut or altered', async () => {
    const [chief, nurse] = [await createWillow(), await createWillow()]
    await chief.createNamespace()
    const text = chief.exportCapability(await chief.grant({ to: nurse.userId, access: 'read' }))
    const cut = nurse.importCapability(text.slice(0, -9))
    await expect(cut).rejects.toMatchObject({ code: 'ERR_CAPABILITY_TEXT' })
    await expect(nurse.importCapability('hello')).rejects.toMatchObject({
      code: 'ERR_CAPABILITY_TEXT',
    })
    const at = text.length - 30
    const altered = text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1)
    await expect(nurse.importCapability(altered)).rejects.toMatchObject({
      code: 'ERR_CAPABILITY_INVALID',
    })
    await expect(nurse.importCapability('willowcap1'.padEnd(200_000, 'a'))).rejects.toThrow(
      'characters',
    )
  })
})

describe('erasing', () => {
  it('takes what is below a path, of everybody in an owned namespace', async () => {
    const [chief, nurse] = [await createWillow(), await createWillow()]
    const ward = await chief.createNamespace()
    const text = chief.exportCapability(await chief.grant({ to: nurse.userId, access: 'write' }))
    const capability = await nurse.importCapability(text)
    await chief.writeEntry(ward, chief.userId, 'patients/p-1/plan', utf8('plan'))
    await chief.writeEntry(ward, chief.userId, 'patients/p-2/plan', utf8('plan'))
    // As a sync would bring it.
    await nurse.writeEntry(ward, nurse.userId, 'patients/p-1/note', utf8('note'), capability)
    for await (const { entry, token } of nurse.store(ward).query(fullArea)) {
      await chief.store(ward).insert({ entry, token })
    }
    const receipt = await chief.erase(['patients', 'p-1'], { reason: 'request 2026-118' })
    expect(await pathsOf(chief.list())).toEqual(['/patients/p-2/plan'])
    expect(await chief.readEntry(ward, chief.userId, 'patients/p-1')).toBeUndefined()
    expect(receipt.report()).toMatchObject({
      path: '/patients/p-1',
      reason: 'request 2026-118',
      erasedCount: 2,
      confirmed: [],
      waiting: [],
      sentence: 'Erased on 1 of 1 known device.',
    })
    expect(receipt.report().subspaces.toSorted()).toEqual([chief.userId, nurse.userId].toSorted())
    expect(chief.erasures()).toHaveLength(1)
  })

  it('leaves others alone in a communal namespace', async () => {
    const [a, b] = [await createWillow(), await createWillow()]
    const app = await a.mapNamespace('myapp.v1')
    await b.mapNamespace('myapp.v1')
    await b.writeEntry(app, b.userId, 'notes/b', utf8('b'))
    for await (const held of b.store(app).query(fullArea)) await a.store(app).insert(held)
    await a.writeEntry(app, a.userId, 'notes/a', utf8('a'))
    await a.erase('notes', { reason: 'tidying' })
    expect((await allOf(a.list())).map(({ subspace }) => subspace)).toEqual([b.userId])
    const theirs = a.erase('notes', { reason: 'tidying', subspace: b.userId })
    await expect(theirs).rejects.toMatchObject({ code: 'ERR_CAPABILITY_MISSING' })
  })

  it('needs a reason', async () => {
    const willow = await createWillow()
    await willow.mapNamespace('myapp.v1')
    await expect(willow.erase('x', { reason: '' })).rejects.toThrow(RangeError)
  })

  it('lets the place be written again at once', async () => {
    const willow = await createWillow()
    const app = await willow.mapNamespace('myapp.v1')
    await willow.writeEntry(app, willow.userId, 'a/b', utf8('1'))
    await willow.erase('a', { reason: 'tidying' })
    await willow.writeEntry(app, willow.userId, 'a/b', utf8('2'))
    expect(textOf(await willow.readEntry(app, willow.userId, 'a/b'))).toBe('2')
  })
})

describe('clocks', () => {
  it('that run ahead are told, and hold until then', async () => {
    const willow = await createWillow()
    const app = await willow.mapNamespace('myapp.v1')
    const told = willow.events.once('clock:ahead')
    const key = createUserKey()
    const ahead = authorised(key, app, startMs + 86_400_000)
    expect(await willow.store(app).insert(ahead)).toMatchObject({ status: 'inserted' })
    expect(await told).toMatchObject({ aheadMs: 86_400_000, namespace: app })
  })

  it('that run a little ahead are not', async () => {
    const willow = await createWillow()
    const app = await willow.mapNamespace('myapp.v1')
    const events = willow.events.subscribe({ types: ['clock:ahead', 'entry:written'] })
    await willow.store(app).insert(authorised(createUserKey(), app, startMs + 599_000))
    await willow.writeEntry(app, willow.userId, 'x', utf8('x'))
    expect((await events.next()).value).toMatchObject({ type: 'entry:written' })
    events.close()
  })

  it('that run ahead are refused where that is the policy', async () => {
    const willow = await createWillow({ futureEntries: 'refuse' })
    const app = await willow.mapNamespace('myapp.v1')
    const late = authorised(createUserKey(), app, startMs + 86_400_000)
    const good = authorised(createUserKey(), app, startMs)
    expect(await willow.store(app).insertMany([late, good])).toMatchObject([
      { status: 'rejected', reason: 'too-far-ahead' },
      { status: 'inserted' },
    ])
  })

  it('that ran ahead keep others from writing there, who are told', async () => {
    const clock: HandClock = { ms: startMs + 86_400_000 }
    const willow = await createWillow({}, clock)
    const app = await willow.mapNamespace('myapp.v1')
    await willow.writeEntry(app, willow.userId, 'x', utf8('tomorrow'))
    clock.ms = startMs
    const today = willow.writeEntry(app, willow.userId, 'x', utf8('today'))
    await expect(today).rejects.toMatchObject({ code: 'ERR_ENTRY_OBSOLETE' })
  })
})

describe('what happens', () => {
  it('is told as events', async () => {
    const willow = await createWillow()
    const app = await willow.mapNamespace('myapp.v1')
    const events = willow.events.subscribe()
    await willow.writeEntry(app, willow.userId, 'a', utf8('1'))
    await willow.writeEntry(app, willow.userId, 'a', utf8('22'))
    await willow.erase('a', { reason: 'tidying' })
    await willow.close()
    const told = (await allOf(events)).map(({ type }) => type)
    expect(told).toEqual([
      'entry:written',
      'payload:changed',
      'entry:written',
      'payload:changed',
      'entry:erased',
    ])
  })

  it('ends with close', async () => {
    const willow = await createWillow()
    const app = await willow.mapNamespace('myapp.v1')
    await willow.close()
    await willow.close()
    await expect(willow.readEntry(app, willow.userId, 'a')).rejects.toMatchObject({
      code: 'ERR_WILLOW_STORE_CLOSED',
    })
  })
})
