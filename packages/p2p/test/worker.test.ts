import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { P2P, P2POptions } from '@vudo/p2p'
import {
  addressOf,
  createNode,
  createNodeIn,
  freshFolder,
  limit,
  nextEvent,
  when,
} from './nodes.ts'

interface List {
  items: string[]
}

/** One in a worker and one in this thread, connected. */
async function startMixed(
  options: P2POptions = {},
): Promise<{ readonly inWorker: P2P; readonly here: P2P }> {
  const inWorker = await createNode({ worker: true, ...options })
  const here = await createNode({ database: inWorker.ticket })
  await Promise.all([inWorker.start(), here.start()])
  await inWorker.connectPeer(addressOf(here))
  return { inWorker, here }
}

describe('a node in a worker', () => {
  it('syncs the documents that are open here, and tells what happens', async () => {
    const { inWorker, here } = await startMixed()
    expect(inWorker.isPeerConnected(here.peerId)).toBe(true)
    expect(inWorker.connectedPeers()).toMatchObject([{ peerId: here.peerId }])
    const list = await inWorker.open<List>('lists/shopping', { items: [] })
    list.change((doc) => doc.items.push('milk'))
    expect(list.current.items).toEqual(['milk'])
    await list.whenSynced({ with: here.peerId, signal: limit() })
    expect(await here.readDoc('lists/shopping')).toEqual({ items: ['milk'] })
    const changed = nextEvent(inWorker, 'document:changed', ({ origin }) => origin !== 'local')
    await here.writeDoc('lists/shopping', { items: ['milk', 'bread'] })
    expect(await changed).toMatchObject({ path: 'lists/shopping', origin: here.peerId })
    expect(list.current.items).toEqual(['milk', 'bread'])
    expect(await inWorker.ls()).toMatchObject([{ path: 'lists/shopping', state: 'live' }])
    await inWorker.writeDoc('lists/other', { items: [] })
    await inWorker.database.rename('lists/other', 'lists/moved')
    await inWorker.remove('lists/moved')
    await inWorker.whenSynced({ with: here.peerId, signal: limit() })
    expect((await here.ls()).map(({ path }) => path)).toEqual(['lists/shopping'])
    await here.whenSynced({ with: inWorker.peerId, signal: limit() })
    expect(
      await inWorker.syncDocument(here.peerId, 'lists', 'shopping', { signal: limit() }),
    ).toMatchObject({
      peers: [{ peerId: here.peerId }],
    })
    const gone = nextEvent(inWorker, 'peer:disconnected')
    await here.stop()
    await gone
    expect(inWorker.connectedPeers()).toEqual([])
  })

  it('keeps everything when it is stopped and started again, and is the same', async () => {
    const folder = await freshFolder()
    const node = await createNodeIn(folder, { worker: true })
    const { peerId, authorId, ticket } = node
    const list = await node.open<List>('lists/a', { items: [] })
    for (let n = 0; n < 500; n++) list.change((doc) => doc.items.push(String(n)))
    await expect(node.whenSynced()).rejects.toMatchObject({ code: 'ERR_P2P_NOT_STARTED' })
    await expect(list.whenSynced()).rejects.toMatchObject({ code: 'ERR_P2P_NOT_STARTED' })
    await node.stop()
    expect(node).toMatchObject({ peerId, authorId, addresses: [], transports: [] })
    expect(node.status.state).toBe('offline')
    await expect(node.ls()).rejects.toMatchObject({ code: 'ERR_P2P_STOPPED' })
    await node.start()
    expect(node).toMatchObject({ peerId, authorId, ticket, isPublic: false, isStarted: true })
    expect(node.transports).toEqual(['tcp'])
    expect((await node.readDoc<List>('lists/a'))?.items).toHaveLength(500)
    await node.stop()
    const plain = await createNodeIn(folder)
    expect(plain).toMatchObject({ peerId, authorId, ticket })
    expect((await plain.readDoc<List>('lists/a'))?.items).toHaveLength(500)
  })

  it('refuses what no worker can be given, and says where to put it', async () => {
    const refused: P2POptions[] = [
      { policy: () => true },
      { transports: [() => ({}) as never] },
      {
        discoveries: [
          {
            name: 'none',
            announce: async () => {},
            withdraw: async () => {},
            lookup: async () => [],
            async *watch() {
              yield* []
            },
            close: async () => {},
          },
        ],
      },
    ]
    for (const options of refused) {
      await expect(createNode({ worker: true, ...options })).rejects.toMatchObject({
        name: 'P2PError',
        code: 'ERR_P2P_WORKER_OPTION',
        hint: expect.stringContaining('worker: { module: new URL('),
      })
    }
    const wrong = [
      { module: 'node.ts' },
      { modul: new URL('worker-module.ts', import.meta.url) },
      { module: 7 },
    ]
    for (const worker of wrong) {
      await expect(createNode({ worker } as never)).rejects.toMatchObject({
        code: 'ERR_CONFIG_INVALID',
      })
    }
    await expect(
      createNode({ worker: { module: new URL('worker-broken.ts', import.meta.url) } }),
    ).rejects.toMatchObject({
      code: 'ERR_P2P_WORKER_OPTION',
      cause: { message: 'the module is broken' },
    })
  })

  it('takes options and protocols from a module', async () => {
    const { inWorker, here } = await startMixed({
      worker: { module: new URL('worker-module.ts', import.meta.url) },
    })
    await expect(inWorker.writeDoc('notes/locked', { a: 1 })).rejects.toMatchObject({
      code: 'ERR_NOT_ALLOWED',
    })
    await inWorker.writeDoc('notes/free', { a: 1 })
    const said = inWorker.configuration.find(({ name }) => name === 'heartbeatIntervalMs')
    expect(said).toMatchObject({ value: 7_000 })
    const worker = inWorker.configuration.find(({ name }) => name === 'worker')
    expect(worker).toMatchObject({ value: 'with a module', origin: 'code' })
    const answer = await here.request(inWorker.peerId, '/test/echo/1', Uint8Array.of(1, 2))
    expect(answer).toEqual(Uint8Array.of(1, 2))
  })

  it('does not pretend to have what lives in the other thread', async () => {
    const node = await createNode({ worker: true })
    const calls = [
      () => node.gossip(),
      () => node.willow(),
      () => node.presence(),
      () => node.sealingKeys,
      () => node.handle('/test/a/1', () => {}),
      () => node.respond('/test/a/1', (message) => message),
      () => node.openChannel(node.peerId, '/test/a/1'),
      () => node.network.sessions,
    ]
    for (const call of calls) {
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_P2P_ONLY_IN_WORKER' }))
    }
    await node.stop()
    await node.initialize()
    expect(await node.ls()).toEqual([])
  })

  it('passes errors of the worker through, by name and code', async () => {
    const node = await createNode({ worker: true })
    await node.start()
    await expect(node.connectPeer('tcp://127.0.0.1:1')).rejects.toMatchObject({
      name: 'TransportError',
      code: 'ERR_DIAL_FAILED',
    })
    await expect(node.open('..')).rejects.toMatchObject({
      name: 'SyncError',
      code: 'ERR_PATH_INVALID',
    })
    const reason = new Error('enough')
    await expect(node.whenSynced({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('sets and tells the bandwidth', async () => {
    const node = await createNode({ worker: true })
    expect(node.bandwidth).toMatchObject({ profile: 'auto' })
    const changed = nextEvent(node, 'bandwidth:changed')
    node.setProfile('metered')
    expect(await changed).toMatchObject({ profile: 'metered', isMetered: true })
    expect(node.bandwidth).toMatchObject({ profile: 'metered' })
    expect(() => node.setProfile('fast' as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }),
    )
  })

  it('says when the worker has crashed, and begins a new one with the next start', async () => {
    const folder = await freshFolder()
    const node = await createNodeIn(folder, {
      worker: { module: new URL('worker-fragile.ts', import.meta.url) },
    })
    await node.start()
    const list = await node.open<List>('lists/a', { items: ['kept'] })
    await list.whenSaved()
    const ended = nextEvent(node, 'worker:ended')
    const waiting = node.whenSynced().catch((error: unknown) => error)
    await node.writeDoc('notes/fatal', {}).catch(() => {})
    expect((await ended).message).toContain('ended')
    expect(await waiting).toMatchObject({ code: 'ERR_WORKER_ENDED' })
    expect(() => list.change((doc) => doc.items.push('lost'))).toThrow(
      expect.objectContaining({ code: 'ERR_WORKER_ENDED' }),
    )
    await when(node, () =>
      node.connectPeer('tcp://127.0.0.1:1').then(
        () => false,
        (error: { code?: string }) => error.code === 'ERR_P2P_WORKER_ENDED',
      ),
    )
    await node.stop()
    await node.start()
    expect(await node.readDoc('lists/a')).toEqual({ items: ['kept'] })
  })

  it('can be stopped and started by who is told that the worker has ended', async () => {
    const node = await createNodeIn(await freshFolder(), {
      worker: { module: new URL('worker-fragile.ts', import.meta.url) },
    })
    await node.start()
    const restarted = new Promise<void>((resolve) => {
      node.events.on('worker:ended', () => {
        resolve(node.stop().then(() => node.start()))
      })
    })
    await node.writeDoc('lists/a', { items: ['kept'] })
    await node.writeDoc('notes/exit', {}).catch(() => {})
    await restarted
    expect(await node.readDoc('lists/a')).toEqual({ items: ['kept'] })
  })

  it('keeps a started program alive, and no stopped one', async () => {
    const program = fileURLToPath(new URL('worker-program-test.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [program, await freshFolder()])
    expect(stdout.trim().split('\n')).toEqual(['opened', 'edited', 'started', 'stopped'])
  })
})

describe('a program that is a text', () => {
  it('can have a node in a worker', async () => {
    const program = `
      import { createP2P } from '@vudo/p2p'
      const node = await createP2P({ worker: true, storage: 'memory' })
      console.log((await node.ls()).length)
      await node.stop()`
    const cwd = fileURLToPath(new URL('.', import.meta.url))
    const args = ['--input-type=module', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd })
    expect(stdout).toBe('0\n')
  })
})

describe('two processes', () => {
  it('cannot have one folder, and are told who has it, with a worker as without', async () => {
    const folder = await freshFolder()
    const child = fork(fileURLToPath(new URL('holder.ts', import.meta.url)), [folder])
    onTestFinished(async () => {
      if (child.exitCode !== null) return
      child.disconnect()
      await once(child, 'exit')
    })
    await once(child, 'message')
    for (const worker of [false, true]) {
      await expect(createNodeIn(folder, { worker })).rejects.toMatchObject({
        name: 'StoreError',
        code: 'ERR_STORE_LOCKED',
        message: expect.stringContaining(`process ${child.pid}`),
        hint: expect.stringContaining('or open another directory'),
      })
    }
  })
})
