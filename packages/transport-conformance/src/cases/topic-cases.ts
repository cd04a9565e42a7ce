import { check } from '../errors.ts'
import { SETTLE_MS } from '../limits.ts'
import { createMessage, isEqual, pause, type Peer, type Scene } from '../scene.ts'
import type { Connection, Topic } from '@vudo/transport'
import type { ConformanceCase } from './case.ts'

/** Finding each other: topics, announcements, and which connection belongs to which topic. */
export const topicCases: readonly ConformanceCase[] = [
  {
    id: 'topic-isolation',
    title: 'keeps topics apart',
    async run(scene) {
      const [a, b] = [await scene.createPeer(), await scene.createPeer()]
      const [onlyA, onlyB, both] = [scene.createTopic(), scene.createTopic(), scene.createTopic()]
      const strangers = [scene.join(a, onlyA), scene.join(b, onlyB)]
      const shared = [scene.join(a, both), scene.join(b, both)]
      for (const joined of shared) await scene.first(joined, 'the shared topic')
      await pause(SETTLE_MS)
      check(
        strangers.every((joined) => joined.connections.length === 0),
        'a connection was yielded on a topic that only one end joined',
      )
      const found = await scene.during('lookup', b.transport.lookup(onlyB))
      check(!found.some(({ id }) => id === a.id), 'lookup found a peer under a topic it is not in')
    },
  },
  {
    id: 'announce-lookup',
    title: 'is found under a topic it has announced',
    async run(scene) {
      const [a, b] = [await scene.createPeer(), await scene.createPeer()]
      const topic = scene.createTopic()
      await scene.during('announce', a.transport.announce(topic))
      await scene.during('announcing again', a.transport.announce(topic))
      await untilFound(scene, { seeker: b, topic, sought: a })
      const found = await b.transport.lookup(topic)
      check(found.filter(({ id }) => id === a.id).length === 1, 'lookup gave one peer twice')
    },
  },
  {
    id: 'empty-lookup',
    title: 'finds nobody under a topic that nobody announced',
    async run(scene) {
      const peer = await scene.createPeer()
      const found = await scene.during('lookup', peer.transport.lookup(scene.createTopic()))
      check(found.length === 0, `lookup found ${found.length} peers, expected none`)
    },
  },
  {
    id: 'several-topics',
    title: 'yields the same connection on every topic that both ends joined',
    async run(scene) {
      const { a, b, ab, ba } = await scene.meet()
      const topic = scene.createTopic()
      const [joinedA, joinedB] = [scene.join(a, topic), scene.join(b, topic)]
      const message = 'a second topic yields the same Connection object'
      check((await scene.first(joinedA, 'a, second topic')) === ab, message)
      check((await scene.first(joinedB, 'b, second topic')) === ba, message)
    },
  },
  {
    id: 'leaving-a-topic',
    title: 'leaves one topic and keeps its connections for the others',
    async run(scene) {
      const { a, b, ab, ba, joinedA } = await scene.meet()
      const left = scene.createTopic()
      const iterator = a.transport.connect(left)[Symbol.asyncIterator]()
      scene.join(b, left)
      const yielded = await scene.during('the second topic', iterator.next())
      check(yielded.value === ab, 'a second topic yields the same Connection object')
      const ending = Promise.resolve(iterator.return?.())
      await scene.during('ending the iteration', ending)
      await untilGone(scene, { seeker: b, topic: left, sought: a })
      await exchange(scene, ab, ba)
      check(!joinedA.hasEnded, 'ending one iteration ended the other one, too')
    },
  },
  {
    id: 'both-directions',
    title: 'carries messages in both directions',
    async run(scene) {
      const { ab, ba } = await scene.meet()
      await exchange(scene, ab, ba)
      await exchange(scene, ba, ab)
    },
  },
  {
    id: 'reconnect',
    title: 'connects again after a close',
    async run(scene) {
      const { a, b, ab, joinedA, joinedB } = await scene.meet()
      await scene.during('close', ab.close())
      await scene.during('leaving', Promise.all([joinedA.leave(), joinedB.leave()]))
      const topic = scene.createTopic()
      const [againA, againB] = [scene.join(a, topic), scene.join(b, topic)]
      const connection = await scene.first(againA, 'a, again')
      check(connection !== ab, 'a closed connection was yielded again')
      await exchange(scene, connection, await scene.first(againB, 'b, again'))
    },
  },
]

interface Search {
  readonly seeker: Peer
  readonly topic: Topic
  readonly sought: Peer
}

async function untilFound(scene: Scene, { seeker, topic, sought }: Search): Promise<void> {
  await scene.until(async () => {
    const found = await seeker.transport.lookup(topic)
    return found.some(({ id }) => id === sought.id)
  }, 'lookup to find the peer that announced')
}

async function untilGone(scene: Scene, { seeker, topic, sought }: Search): Promise<void> {
  await scene.until(async () => {
    const found = await seeker.transport.lookup(topic)
    return found.every(({ id }) => id !== sought.id)
  }, 'lookup to forget a peer that left the topic')
}

/** One message over and one back. */
export async function exchange(scene: Scene, near: Connection, far: Connection): Promise<void> {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    const message = createMessage(100, 7)
    await scene.during('send', from.send(message.slice()))
    const received = await scene.during('receive', to.receive())
    check(isEqual(received, message), 'a message arrived changed')
  }
}
