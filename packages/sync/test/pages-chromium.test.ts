/** Engines in the workers of real pages. */
import { hasChromium, type TestBrowser, type TestPage } from '@vudo/chromium'
import { createAuthorKey, createNodeKey } from '@vudo/identity'
import { createNetwork } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { openMemoryStore } from '@vudo/storage'
import { openDatabase, type Database } from '@vudo/sync'
import { createTransport } from '@vudo/transport'
import '@vudo/transport-relay'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowser, pageOf, patient, type Asked, type Pages } from './pages-lab.ts'
import { startRelayProcess, type RelayProcess } from './relay-process.ts'

describe.skipIf(!hasChromium)('pages of Chromium', () => {
  let browser: TestBrowser

  beforeAll(async () => {
    browser = await openBrowser()
  }, 120_000)

  afterAll(() => browser.close())

  const pageWith = (asked: Asked): Promise<TestPage<Pages>> => pageOf(browser, asked)

  it.each(['shared', 'dedicated'])('keep what a %s worker has saved', async (kind) => {
    const page = await pageWith({ kind, store: `reload-${kind}` })
    await page.call('add', 'notes/x', 'one')
    await page.call('saved', 'notes/x')
    await page.reload()
    expect(await page.call('connect', { kind, store: `reload-${kind}` })).toBe('connected')
    expect(await page.call('linesOf', 'notes/x')).toEqual(['one'])
    expect(page.errors).toEqual([])
    await page.close()
  })

  it.each(['closes', 'crashes'])(
    'see the edits of each other; one that %s lets its documents go',
    async (how) => {
      const init = { kind: 'shared', store: `two-${how}` }
      // The worker runs in the process of the first.
      const [two, one] = [await pageWith(init), await pageWith(init)]
      await one.call('open', 'notes/x')
      await two.call('open', 'notes/x')
      await one.call('add', 'notes/x', 'one')
      await expect.poll(() => two.call('linesOf', 'notes/x'), patient).toEqual(['one'])
      await two.call('add', 'notes/x', 'two')
      await expect.poll(() => one.call('linesOf', 'notes/x'), patient).toEqual(['one', 'two'])
      await one.call('open', 'notes/only-one')
      expect(await two.call('forget', 'notes/only-one')).toBe('ERR_DOCUMENT_IN_USE')
      if (how === 'closes') await one.close()
      else await one.crash()
      await expect
        .poll(() => two.call('forget', 'notes/only-one'), patient)
        .not.toBe('ERR_DOCUMENT_IN_USE')
      await two.call('add', 'notes/x', 'three')
      await two.call('saved', 'notes/x')
      expect(await two.call('linesOf', 'notes/x')).toEqual(['one', 'two', 'three'])
      await Promise.all([one.close(), two.close()])
    },
  )

  it('are told when the process of their worker crashes, and find all that was saved', async () => {
    const init = { kind: 'shared', store: 'worker-crash' }
    const [host, other] = [await pageWith(init), await pageWith(init)]
    await host.call('add', 'notes/x', 'one')
    await host.call('saved', 'notes/x')
    await host.crash()
    await expect.poll(() => other.call('workerHasEnded'), patient).toBe(true)
    expect(await other.call('connect', init)).toBe('connected')
    expect(await other.call('linesOf', 'notes/x')).toEqual(['one'])
    await Promise.all([host.close(), other.close()])
  })

  it('are told when another page has the store', async () => {
    const init = { kind: 'dedicated', store: 'locked' }
    const one = await pageWith(init)
    const two = await browser.open<Pages>()
    expect(await two.call('connect', init)).toBe('ERR_STORE_LOCKED')
    await one.crash()
    await expect.poll(() => two.call('connect', init), patient).toBe('connected')
    await Promise.all([one.close(), two.close()])
  })

  describe('with a peer of Node behind a relay', () => {
    let relay: RelayProcess
    let node: NodePeer

    beforeAll(async () => {
      relay = await startRelayProcess()
      node = await openNodePeer(relay.url)
    }, 60_000)

    afterAll(async () => {
      await node.close()
      await relay.close()
    })

    it.each(['shared', 'dedicated'])(
      'sync both ways (%s)',
      async (kind) => {
        const page = await pageWith({ kind, store: `relay-${kind}`, relayUrl: relay.url })
        const path = `notes/${kind}`
        await page.call('add', path, 'from the page')
        await expect
          .poll(() => node.database.readDoc(path), patient)
          .toEqual({ lines: ['from the page'] })
        const note = await node.database.open<{ lines: string[] }>(path)
        // The signature of the author is proven, of whichever implementation it is.
        expect(note.history()[0]?.author).toBe(createAuthorKey(new Uint8Array(32).fill(1)).authorId)
        note.change(({ lines }) => lines.push('from Node'))
        await expect
          .poll(() => page.call('linesOf', path), patient)
          .toEqual(['from the page', 'from Node'])
        const numbers = Array.from({ length: 60 }, (_, at) => at)
        const many = (prefix: string): unknown[] =>
          numbers.map((at) => ({ text: `${prefix} ${at} `.repeat(20) }))
        const [there, here] = [`of-node-${kind}`, `of-page-${kind}`]
        await Promise.all([
          page.call('writeMany', here, numbers.length),
          ...numbers.map((at) =>
            node.database.writeDoc(`${there}/${at}`, { text: `${there} ${at} `.repeat(20) }),
          ),
        ])
        await expect
          .poll(async () => (await page.call('readAll', there)).length, patient)
          .toBe(numbers.length)
        expect(await page.call('synced')).toBe('synced')
        expect(sorted(await page.call('readAll', there))).toEqual(sorted(many(there)))
        const entries = await node.database.ls(here)
        const read = await Promise.all(entries.map((entry) => node.database.readDoc(entry.path)))
        expect(sorted(read)).toEqual(sorted(many(here)))
        expect(await page.call('status')).toMatchObject({ peers: 1, durability: 'relaxed' })
        expect(page.errors).toEqual([])
        await note.close()
        await page.close()
      },
      60_000,
    )
  })
})

interface NodePeer {
  readonly database: Database
  close(): Promise<void>
}

async function openNodePeer(relayUrl: string): Promise<NodePeer> {
  const key = createNodeKey()
  const transport = createTransport({ mode: 'relay', relayUrl }, createTransportContext(key))
  const network = createNetwork({ key, transports: [transport] })
  const store = await openMemoryStore()
  const database = await openDatabase({ id: 'db', store, author: createAuthorKey(), network })
  await network.start()
  await network.join({ id: 'db' })
  return {
    database,
    close: async () => {
      await database.close()
      await network.stop()
      await store.close()
    },
  }
}

function sorted(documents: readonly unknown[]): string[] {
  return documents.map((document) => JSON.stringify(document)).toSorted()
}
