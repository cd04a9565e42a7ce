/** A network of sessions in memory, as far as the sync engine uses one. */
import { createEventHub } from '@vudo/events'
import type { Channel, Network, NetworkEvents, Session } from '@vudo/network'
import { keyOf } from './replica-lab.ts'

interface End {
  inbox: Uint8Array[]
  wake: () => void
  isEnded: boolean
}

export interface FakeNetwork extends Network {
  accept(channel: Channel): void
  readonly sessions: Session[]
}

export function createFakeNetwork(name: string): FakeNetwork {
  let handler: ((channel: Channel) => void) | undefined
  const fake = {
    peerId: keyOf(`node ${name}`).authorId,
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
  return fake as unknown as FakeNetwork
}

/** Lets two networks share a database. @returns Ends the session. */
export function connectNetworks(a: FakeNetwork, b: FakeNetwork, database: string): () => void {
  const channels: Channel[] = []
  const sessionOf = (from: FakeNetwork, to: FakeNetwork): Session => {
    const session = {
      id: '00',
      peerId: to.peerId,
      instance: to.instance,
      databases: new Set([database]),
      openChannel() {
        const back = to.sessions.find(({ peerId }) => peerId === from.peerId)!
        const [mine, theirs] = channelPair(database, session as unknown as Session, back)
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
  return () => {
    a.sessions.splice(a.sessions.indexOf(ab), 1)
    b.sessions.splice(b.sessions.indexOf(ba), 1)
    for (const channel of channels) channel.reset()
  }
}

function channelPair(database: string, a: Session, b: Session): [Channel, Channel] {
  const ends: [End, End] = [newEnd(), newEnd()]
  return [channelOf(database, a, ends[0], ends[1]), channelOf(database, b, ends[1], ends[0])]
}

function newEnd(): End {
  return { inbox: [], wake: () => {}, isEnded: false }
}

function channelOf(database: string, session: Session, near: End, far: End): Channel {
  const closed = Promise.withResolvers<object>()
  const channel = {
    database,
    session,
    closed: closed.promise,
    async send(message: Uint8Array) {
      if (near.isEnded) throw new Error('ended')
      far.inbox.push(message.slice())
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
