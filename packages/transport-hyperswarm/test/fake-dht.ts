import type { LookupReply, Query, UdpAddress } from 'hyperdht'
import type { Dht } from '../src/query.ts'

/** A DHT that answers as told, and what it was asked. */
export interface FakeDht {
  readonly dht: Dht
  readonly asked: string[]
  /** False: no node answers. */
  isThere: boolean
  /** Gives the peers of the next answer. */
  peers: () => LookupReply['peers']
}

export function createFakeDht(): FakeDht {
  const fake: FakeDht = {
    isThere: true,
    asked: [],
    peers: () => [],
    dht: {
      lookup: () => query('lookup'),
      announce: (
        _topic: Buffer,
        _key: unknown,
        _relays: readonly UdpAddress[],
        { clear }: { clear: boolean },
      ) => query(clear ? 'announce, clear' : 'announce'),
      lookupAndUnannounce: () => query('unannounce'),
    } as unknown as Dht,
  }
  function query(what: string): Query {
    fake.asked.push(what)
    const { isThere } = fake
    const one: Query = {
      successes: isThere ? 1 : 0,
      finished: async () => {
        if (!isThere) throw new Error('Too few nodes responded')
      },
      destroy: () => undefined,
      on: () => one,
      async *[Symbol.asyncIterator]() {
        if (isThere) yield { peers: fake.peers() }
      },
    }
    return one
  }
  return fake
}
