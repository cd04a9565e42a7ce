import { createNodeKey, createSealingKeys, signPeerRecord, type NodeKey } from '@vudo/identity'
import type { PeerRecord } from '@vudo/transport'
import { describe, expect, it } from 'vitest'
import { MAX_KNOWN_PEERS } from '../src/limits.ts'
import { PeerBook } from '../src/peer-book.ts'

const sealingKey = createSealingKeys({ now: () => Date.now() }).publicKey
const key = createNodeKey()
const [open, inside] = ['tcp://203.0.113.7:1', 'tcp://192.168.1.7:1']

function record(addresses: readonly string[], sequence = 1, signer: NodeKey = key): PeerRecord {
  return signPeerRecord(signer, { addresses, sequence, expiresAtMs: 10_000, sealingKey })
}

function dialable(book: PeerBook): string[] {
  return book.addresses(key.peerId).map(({ address }) => address)
}

describe('the peer book', () => {
  it('keeps back private addresses that come from anywhere', () => {
    const book = new PeerBook(() => 0)
    book.learn(record([open, inside]), false)
    expect(book.addresses(key.peerId)).toEqual([{ address: open, isHearsay: true }])
  })

  it('gives those that the local network names', () => {
    const book = new PeerBook(() => 0)
    book.learn(record([open, inside]), true)
    expect(book.addresses(key.peerId)).toEqual([
      { address: open, isHearsay: false },
      { address: inside, isHearsay: false },
    ])
  })

  it('counts it as news when the local network vouches for a record that is known', () => {
    const book = new PeerBook(() => 0)
    expect(book.learn(record([open, inside]), false)).toBe(true)
    expect(book.learn(record([open, inside]), false)).toBe(false)
    expect(book.learn(record([open, inside]), true)).toBe(true)
    expect(dialable(book)).toEqual([open, inside])
  })

  it('does not let a later record from elsewhere add private addresses', () => {
    const book = new PeerBook(() => 0)
    book.learn(record([inside]), true)
    book.learn(record([inside, 'tcp://127.0.0.1:631'], 2), false)
    expect(dialable(book)).toEqual([inside])
  })

  it('believes a peer that has proven a common database', () => {
    const book = new PeerBook(() => 0)
    book.learn(record([inside]), false)
    expect(dialable(book)).toEqual([])
    book.prove(key.peerId)
    expect(dialable(book)).toEqual([inside])
  })

  it('merges what several discoveries tell: the newest record counts, what the local network named stays', () => {
    const book = new PeerBook(() => 0)
    book.learn(record([inside], 1), true)
    book.learn(record([open], 3), false)
    expect(book.learn(record(['tcp://198.51.100.1:1'], 2), false)).toBe(false)
    expect(dialable(book)).toEqual([open, inside])
  })

  it('forgets what has expired, and puts first what worked last', () => {
    let nowMs = 0
    const book = new PeerBook(() => nowMs)
    book.learn(record([open, inside]), true)
    book.reached(key.peerId, inside)
    expect(dialable(book)).toEqual([inside, open])
    nowMs = 10_000
    expect(dialable(book)).toEqual([inside])
  })

  it('keeps so many peers and no more', () => {
    const book = new PeerBook(() => 0)
    book.learn(record([open]), false)
    for (let i = 0; i < MAX_KNOWN_PEERS; i++) book.meet(i.toString(16).padStart(64, '0'))
    expect(dialable(book)).toEqual([])
  })
})
