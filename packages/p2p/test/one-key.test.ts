import { copyFile, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { P2P } from '@vudo/p2p'
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

/** Two nodes with one key and one database, each with a folder of its own; the second one in a worker. */
async function createTwins(): Promise<readonly [P2P, P2P]> {
  const [first, second] = [await freshFolder(), path.join(await freshFolder(), 'copy')]
  const made = await createNodeIn(first)
  await made.stop()
  await mkdir(second, { mode: 0o700 })
  for (const name of ['node.key', 'author.key', 'ticket']) {
    await copyFile(path.join(first, name), path.join(second, name))
  }
  return [await createNodeIn(first), await createNodeIn(second, { worker: true })]
}

async function itemsOf(node: P2P): Promise<string> {
  return ((await node.readDoc<List>('lists/a'))?.items ?? []).toSorted().join()
}

describe('two instances with one key', () => {
  it('are two peers to a third one, and sync with each other through it', async () => {
    const [one, two] = await createTwins()
    const hub = await createNode({ database: one.ticket })
    await Promise.all([one.start(), two.start(), hub.start()])
    expect(two).toMatchObject({ peerId: one.peerId, authorId: one.authorId, ticket: one.ticket })
    await one.writeDoc('lists/a', { items: [] })
    await one.connectPeer(addressOf(hub))
    await one.whenSynced({ signal: limit() })
    await two.connectPeer(addressOf(hub))
    expect(hub.connectedPeers().map(({ peerId }) => peerId)).toEqual([one.peerId, one.peerId])
    const lists = [
      await one.open<List>('lists/a', { items: [] }),
      await two.open<List>('lists/a', { items: [] }),
      await hub.open<List>('lists/a', { items: [] }),
    ]
    const nodes = [one, two, hub]
    for (let n = 0; n < 10; n++) {
      for (const [at, list] of lists.entries()) list.change((doc) => doc.items.push(`${at}.${n}`))
    }
    await when(hub, () => lists.every(({ current }) => current.items.length === 30))
    for (const node of nodes) expect((await itemsOf(node)).split(',')).toHaveLength(30)
    // What one of them has stored says nothing of the other.
    const gone = nextEvent(hub, 'session:ended')
    await two.stop()
    await gone
    lists[2]?.change((doc) => doc.items.push('meanwhile'))
    await one.writeDoc('lists/b', { items: ['of one'] })
    await hub.whenSynced({ with: one.peerId, signal: limit() })
    await two.start()
    await two.connectPeer(addressOf(hub))
    await when(two, async () => (await itemsOf(two)).includes('meanwhile'))
    // Its record comes first, and is as good as of its own: an edit on nothing would stand against the first one.
    await when(
      two,
      async () => ((await two.readDoc<Partial<List>>('lists/b'))?.items?.length ?? 0) === 1,
    )
    await two.writeDoc('lists/b', { items: ['of one', 'of two'] })
    await when(one, async () => ((await one.readDoc<List>('lists/b'))?.items.length ?? 0) === 2)
    expect(await one.readDoc('lists/b')).toEqual({ items: ['of one', 'of two'] })
    expect(await itemsOf(one)).toBe(await itemsOf(two))
  })

  it('do not dial each other, and are told that it is their own key', async () => {
    const [one, two] = await createTwins()
    await Promise.all([one.start(), two.start()])
    for (const [from, to] of [
      [one, two],
      [two, one],
    ] as const) {
      await expect(from.connectPeer(addressOf(to))).rejects.toMatchObject({
        name: 'TransportError',
        code: 'ERR_PEER_SELF',
      })
    }
  })
})
