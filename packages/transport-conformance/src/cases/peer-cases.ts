import { isPeerId, type Connection, type ConnectOptions } from '@vudo/transport'
import { check, checkCode, errorOf } from '../errors.ts'
import { LOAD_PEERS, SETTLE_MS } from '../limits.ts'
import { pause, type Peer, type Scene } from '../scene.ts'
import type { ConformanceCase } from './case.ts'
import { exchange } from './topic-cases.ts'

/** Joins without dialling whom it finds: the case dials. */
const byHand: ConnectOptions = { admit: () => false }

/** Who is at the far end: proof of keys, dialling, many peers. */
export const peerCases: readonly ConformanceCase[] = [
  {
    id: 'manifest',
    title: 'is what its manifest says',
    async run(scene) {
      const { features: expected, pipes } = scene.options.manifest
      const { ab, a } = await scene.meet()
      const { features, name } = a.transport
      check(/^[a-z][a-z0-9-]*$/.test(name), `name is ${name}, expected lower case`)
      const whole = (one: typeof features): string =>
        JSON.stringify(
          {
            ...one,
            bulk: one.bulk ?? true,
            metered: one.metered ?? false,
          },
          Object.keys({ ...one, bulk: 0, metered: 0 }).toSorted(),
        )
      check(
        whole(features) === whole(expected),
        `features are ${whole(features)}, the manifest says ${whole(expected)}`,
      )
      const hasPipes = ab.openPipe !== undefined
      check(hasPipes === pipes, `openPipe is there: ${hasPipes}, the manifest says ${pipes}`)
      check(ab.path.transport === name, `path.transport is ${ab.path.transport}, expected ${name}`)
    },
  },
  {
    id: 'proven-peer-id',
    title: 'names the proven key of the far end, at both ends',
    async run(scene) {
      const { a, b, ab, ba } = await scene.meet()
      check(ab.peerId === b.id, `a's connection names ${ab.peerId}, the far end's key is ${b.id}`)
      check(ba.peerId === a.id, `b's connection names ${ba.peerId}, the far end's key is ${a.id}`)
      check(isPeerId(ab.peerId), 'a peer id is 64 characters of lower-case hex')
      check(ab.path.outbound !== ba.path.outbound, 'exactly one end has dialled')
    },
  },
  {
    id: 'dial',
    title:
      'dials an address and yields the connection on shared topics, or says that it cannot dial',
    async run(scene) {
      const [a, b] = [await scene.createPeer(), await scene.createPeer()]
      if (await cannotDial(scene, a)) return
      const topic = scene.createTopic()
      const [joinedA, joinedB] = [scene.join(a, topic, byHand), scene.join(b, topic, byHand)]
      const connection = await scene.during('dial', a.transport.dial(await scene.addressOf(b)))
      check(connection.peerId === b.id, 'dial gives a connection with the proven key')
      check((await scene.first(joinedA, 'a')) === connection, 'connect yields what dial gave')
      await exchange(scene, connection, await scene.first(joinedB, 'b'))
      check(joinedA.connections.length === 1, 'one connection is yielded once')
    },
  },
  {
    id: 'peer-mismatch',
    title: 'refuses another key than the one expected, and yields nothing',
    async run(scene) {
      const [a, b, c] = [
        await scene.createPeer(),
        await scene.createPeer(),
        await scene.createPeer(),
      ]
      if (await cannotDial(scene, a)) return
      const topic = scene.createTopic()
      const joined = [scene.join(a, topic, byHand), scene.join(b, topic, byHand)]
      const dialling = a.transport.dial(await scene.addressOf(b), { expected: c.id })
      await scene.during('dial', checkCode(dialling, 'dial with another key', 'ERR_PEER_MISMATCH'))
      await pause(SETTLE_MS)
      check(joined[0]?.connections.length === 0, 'a connection to the wrong peer was yielded')
    },
  },
  {
    id: 'peer-self',
    title: 'refuses to dial itself',
    async run(scene) {
      const a = await scene.createPeer()
      if (await cannotDial(scene, a)) return
      const dialling = a.transport.dial(await scene.addressOf(a))
      await scene.during('dial', checkCode(dialling, 'dialling oneself', 'ERR_PEER_SELF'))
    },
  },
  {
    id: 'fifty-peers',
    title: 'serves fifty peers at one time',
    async run(scene) {
      const [hub, topic] = [await scene.createPeer(), scene.createTopic()]
      const joinedHub = scene.join(hub, topic)
      const admit = ({ id }: { id: string }): boolean => id === hub.id
      const joined = []
      // One after another: limits on half-open connections per address would slow down a crowd.
      for (let n = 0; n < LOAD_PEERS; n++) {
        const peer = scene.join(await scene.createPeer(), topic, { admit })
        await scene.first(peer, `peer ${n + 1} of ${LOAD_PEERS}`)
        joined.push(peer)
      }
      await scene.until(() => joinedHub.connections.length >= LOAD_PEERS, 'fifty connections')
      const ids = new Set(joinedHub.connections.map(({ peerId }) => peerId))
      check(ids.size === LOAD_PEERS, `${ids.size} different peers, expected ${LOAD_PEERS}`)
      const sends = joined.map(async ({ connections }) => connections[0]?.send(Uint8Array.of(1)))
      const receives = joinedHub.connections.map((connection) => connection.receive())
      const messages = await scene.during('fifty messages', Promise.all(receives))
      await Promise.all(sends)
      check(
        messages.every((message) => message?.length === 1),
        'every peer is heard',
      )
    },
  },
  {
    id: 'abort-connect',
    title: 'ends connect at its signal, quietly or with the reason unchanged',
    async run(scene) {
      const a = await scene.createPeer()
      const reason = new Error('enough')
      const controller = new AbortController()
      const { signal } = controller
      const waiting = endOf(a.transport.connect(scene.createTopic(), { signal }))
      await pause(SETTLE_MS)
      controller.abort(reason)
      const early = endOf(a.transport.connect(scene.createTopic(), { signal }))
      for (const ending of [waiting, early]) {
        const end = await scene.during('connect to end at its signal', ending)
        check(end === 'done' || end === reason, `connect ended otherwise: ${String(end)}`)
      }
    },
  },
  {
    id: 'abort-dial',
    title: 'ends dial with the reason of the signal',
    async run(scene) {
      const [a, b] = [await scene.createPeer(), await scene.createPeer()]
      if (await cannotDial(scene, a)) return
      const address = await scene.addressOf(b)
      const reason = new Error('enough')
      const controller = new AbortController()
      const { signal } = controller
      const dialling = errorOf(a.transport.dial(address, { signal }))
      controller.abort(reason)
      const error = await scene.during('dial to end', dialling)
      check(error === reason, `dial ended with ${String(error)}, expected the signal's reason`)
      const earlyError = await scene.during('dial', errorOf(a.transport.dial(address, { signal })))
      check(earlyError === reason, 'dial with a signal that has fired rejects with its reason')
      const connection = await scene.during('dial after an abort', a.transport.dial(address))
      check(connection.peerId === b.id, 'an aborted dial does not spoil the next one')
    },
  },
]

/** Where `features.dials` is false: checks that `dial` says so. A core case never skips. */
async function cannotDial(scene: Scene, { transport }: Peer): Promise<boolean> {
  if (scene.options.manifest.features.dials) return false
  const dialling = transport.dial(`${transport.name}://nobody`)
  await scene.during('dial', checkCode(dialling, 'dial', 'ERR_UNSUPPORTED'))
  return true
}

/** How an iteration's next step turns out: `done`, `yielded`, or the error. */
async function endOf(joining: AsyncIterable<Connection>): Promise<'done' | 'yielded' | Error> {
  try {
    const { done } = await joining[Symbol.asyncIterator]().next()
    return done ? 'done' : 'yielded'
  } catch (error) {
    return error instanceof Error ? error : new Error('rejected with what is no error')
  }
}
