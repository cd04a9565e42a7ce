import { describe, expect, it } from 'vitest'
import type { PeerInfo } from '@vudo/transport'
import { createFinder, type FoundPeer } from '../src/finder.ts'
import { MAX_FOUND_ADDRESSES } from '../src/limits.ts'
import type { Medium } from '../src/medium.ts'
import { peerId } from './fake-context.ts'

const topic = new Uint8Array(32)
const id = peerId(1)
/** As a DHT tells of a peer: one address at a time, and that it can be asked for the peer. */
const told = [{ id, address: 'loop://a' }, { id, address: 'loop://b' }, { id }]
const all = ['loop://a', 'loop://b', `loop://${id}`]

function finderOf(infos: readonly PeerInfo[]) {
  const medium: Partial<Medium> = {
    name: 'loop',
    lookup: async () => infos,
    async *watch() {
      yield* infos
    },
  }
  return createFinder(medium as Medium, [], peerId(2))
}

describe('a medium that tells the addresses of a peer one by one', () => {
  it('is understood by a lookup', async () => {
    const finder = finderOf(told)
    expect(await finder.lookup(topic, {})).toEqual([{ id, addresses: all }])
    expect(finder.addressesOf(id)).toEqual(all)
  })

  it('is understood by those who watch', async () => {
    const finder = finderOf(told)
    const found: FoundPeer[] = []
    await finder.watch(topic, new AbortController().signal, (peer) => found.push(peer))
    expect(found.at(-1)).toEqual({ id, addresses: all })
    expect(finder.addressesOf(id)).toEqual(all)
  })

  it('makes nobody remember more addresses than a record may have', async () => {
    const count = 3 * MAX_FOUND_ADDRESSES
    const finder = finderOf(
      Array.from({ length: count }, (_, n) => ({ id, address: `loop://${n}` })),
    )
    await finder.watch(topic, new AbortController().signal, () => undefined)
    expect(finder.addressesOf(id)).toHaveLength(MAX_FOUND_ADDRESSES)
    expect(finder.addressesOf(id).at(-1)).toBe(`loop://${count - 1}`)
  })
})
