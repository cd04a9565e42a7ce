import { describe, expect, it } from 'vitest'
import { createNodeKey, signPeerRecord } from '@vudo/identity'
import type { PeerRecord } from '@vudo/transport'
import { createBulletinBoard } from '@vudo/transport-conformance'

const topic = new Uint8Array(32).fill(1)
const key = createNodeKey()

function recordOf(sequence: number): PeerRecord {
  const sealingKey = new Uint8Array(32)
  return signPeerRecord(key, { addresses: [], sequence, expiresAtMs: 1, sealingKey })
}

describe('createBulletinBoard', () => {
  it.each([0, 1, 2, 3])(
    'shows a watcher a record that is announced %i turns after it began',
    async (turns) => {
      const board = createBulletinBoard()
      const [near, far] = [board.createDiscovery(), board.createDiscovery()]
      const next = near.watch(topic)[Symbol.asyncIterator]().next()
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
      const record = recordOf(1)
      await far.announce(topic, record)
      await near.close()
      expect(await next).toEqual({ done: false, value: record })
    },
  )

  it('shows a watcher what was announced before, once', async () => {
    const board = createBulletinBoard()
    const discovery = board.createDiscovery()
    const record = recordOf(1)
    await discovery.announce(topic, record)
    const found: PeerRecord[] = []
    for await (const one of discovery.watch(topic)) {
      found.push(one)
      await discovery.close()
    }
    expect(found).toEqual([record])
  })

  it('replaces a record, also while the first one is being announced', async () => {
    const discovery = createBulletinBoard().createDiscovery()
    await Promise.all([1, 2].map((sequence) => discovery.announce(topic, recordOf(sequence))))
    expect(await discovery.lookup(topic)).toEqual([recordOf(2)])
  })

  it('takes back what is being announced', async () => {
    const discovery = createBulletinBoard().createDiscovery()
    await Promise.all([discovery.announce(topic, recordOf(1)), discovery.withdraw(topic)])
    expect(await discovery.lookup(topic)).toEqual([])
  })
})
