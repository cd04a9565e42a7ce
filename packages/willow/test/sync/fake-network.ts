/** A network of sessions in memory, as far as a sync uses one, with a tap on every line. */
import { createEventHub } from '@vudo/events'
import { createNodeKey } from '@vudo/identity'
import type { Channel, NetworkEvents, Session } from '@vudo/network'
import type { WillowSyncNetwork } from '../../src/sync/willow-sync.ts'

interface End {
  inbox: Uint8Array[]
  wake: () => void
  isEnded: boolean
}

export interface FakeNetwork extends WillowSyncNetwork {
  accept(channel: Channel): void
  readonly sessions: Session[]
}

/** Sees each message, and may change it. */
export type Tap = (message: Uint8Array, from: string) => Uint8Array

export function createFakeNetwork(number: number): FakeNetwork {
  let handler: ((channel: Channel) => void) | undefined
  const fake = {
    peerId: createNodeKey(new Uint8Array(32).fill(number)).peerId,
    instance: '00',
    sessions: [],
    events: createEventHub<NetworkEvents>(),
    handle(_protocol: string, handle: (channel: Channel) => void) {
      handler = handle
      return () => {}
    },
    accept: (channel: Channel) =>
      handler ? handler(channel) : channel.reset('ERR_PROTOCOL_UNKNOWN'),
  }
  return fake
}

export interface Line {
  /** Messages in both directions, as they left. */
  readonly messages: { readonly from: string; readonly bytes: Uint8Array }[]
  cut(): void
}

/** Lets two networks share a database. */
export function connectNetworks(
  a: FakeNetwork,
  b: FakeNetwork,
  options: { readonly database: string; readonly tap?: Tap },
): Line {
  const channels: Channel[] = []
  const messages: { from: string; bytes: Uint8Array }[] = []
  const { database, tap } = options
  const pass = (bytes: Uint8Array, from: string): Uint8Array => {
    messages.push({ from, bytes })
    return tap ? tap(bytes, from) : bytes
  }
  const sessionOf = (from: FakeNetwork, to: FakeNetwork): Session => {
    const session = {
      id: '00',
      peerId: to.peerId,
      instance: to.instance,
      databases: new Set([database]),
      openChannel() {
        const back = to.sessions.find(({ peerId }) => peerId === from.peerId)!
        const ends: [End, End] = [newEnd(), newEnd()]
        const here = session as unknown as Session
        const mine = channelOf(here, ends, (bytes) => pass(bytes, from.peerId))
        const theirs = channelOf(back, [ends[1], ends[0]], (bytes) => pass(bytes, to.peerId))
        Object.assign(mine, { database })
        Object.assign(theirs, { database })
        channels.push(mine)
        queueMicrotask(() => to.accept(theirs))
        return mine
      },
    }
    return session as unknown as Session
  }
  const [ab, ba] = [sessionOf(a, b), sessionOf(b, a)]
  a.sessions.push(ab)
  b.sessions.push(ba)
  a.events.publish('database:shared', { session: ab, databaseId: database })
  b.events.publish('database:shared', { session: ba, databaseId: database })
  return {
    messages,
    cut() {
      a.sessions.splice(a.sessions.indexOf(ab), 1)
      b.sessions.splice(b.sessions.indexOf(ba), 1)
      for (const channel of channels) channel.reset()
    },
  }
}

function newEnd(): End {
  return { inbox: [], wake: () => {}, isEnded: false }
}

function channelOf(
  session: Session,
  [near, far]: readonly [End, End],
  pass: (bytes: Uint8Array) => Uint8Array,
): Channel {
  const closed = Promise.withResolvers<object>()
  const channel = {
    session,
    closed: closed.promise,
    async send(message: Uint8Array) {
      if (near.isEnded) throw new Error('ended')
      far.inbox.push(pass(message.slice()))
      far.wake()
    },
    async receive() {
      while (near.inbox.length === 0 && !near.isEnded) {
        await new Promise<void>((resolve) => (near.wake = resolve))
      }
      if (near.isEnded) closed.resolve({})
      return near.isEnded ? undefined : near.inbox.shift()
    },
    reset() {
      for (const end of [near, far]) {
        end.isEnded = true
        end.wake()
      }
      closed.resolve({})
    },
  }
  return channel as unknown as Channel
}
