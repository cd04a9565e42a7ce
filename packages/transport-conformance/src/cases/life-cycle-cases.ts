import { check, checkCode, errorOf } from '../errors.ts'
import { reasonOf } from '../options.ts'
import { createMessage, type Scene } from '../scene.ts'
import type { ConformanceCase } from './case.ts'
import { exchange } from './topic-cases.ts'

/** Beginnings and ends: of connections, and of the transport. */
export const lifeCycleCases: readonly ConformanceCase[] = [
  {
    id: 'clean-close',
    title: 'tells the far end of a close, after everything that was sent',
    async run(scene) {
      const { ab, ba } = await scene.meet()
      for (const size of [1, 2, 3]) await scene.during('send', ab.send(createMessage(size)))
      await scene.during('close', ab.close())
      await scene.during('closing again', ab.close())
      for (const size of [1, 2, 3]) {
        const message = await scene.during('what was sent before the close', ba.receive())
        check(message?.length === size, `message ${size} of 3 was lost by closing`)
      }
      const end = await scene.during('the end', ba.receive())
      check(end === undefined, 'receive gives undefined after a clean close')
      for (const connection of [ab, ba]) {
        const { clean } = await scene.during('closed', connection.closed)
        check(clean, 'closed says clean after a clean close')
      }
      await checkCode(ab.send(createMessage(1)), 'sending on it', 'ERR_CONNECTION_CLOSED')
    },
  },
  {
    id: 'broken-connection',
    title: 'tells a broken connection from a closed one',
    skipReason: ({ cut }) => reasonOf(cut),
    async run(scene) {
      const { cut } = scene.options
      const { ab, ba } = await scene.meet()
      const receiving = errorOf(ba.receive())
      if (typeof cut !== 'string') await cut(ab)
      const { clean } = await scene.during('closed', ba.closed)
      check(!clean, 'closed says clean although nobody said goodbye')
      const error = await scene.during('receive', receiving)
      check(error !== undefined, 'receive gave undefined as if it were closed, expected an error')
      const codes = ['ERR_CONNECTION_LOST', 'ERR_PEER_PROTOCOL']
      await checkCode(Promise.reject(error), 'receive on a broken connection', ...codes)
    },
  },
  {
    id: 'disconnect-idempotent',
    title: 'can be disconnected twice, at the same time, and before anything else',
    async run(scene) {
      const unused = await scene.createPeer()
      await scene.during('disconnect before use', unused.transport.disconnect())
      const { a, ab, ba } = await scene.meet()
      const { transport } = a
      const both = Promise.all([transport.disconnect(), transport.disconnect()])
      await scene.during('two disconnects', both)
      await scene.during('a third disconnect', transport.disconnect())
      await scene.during('closed', Promise.all([ab.closed, ba.closed]))
    },
  },
  {
    id: 'use-after-disconnect',
    title: 'refuses every use after disconnect, and ends what was waiting',
    async run(scene) {
      const { a, ab, joinedA } = await scene.meet()
      const receiving = errorOf(ab.receive())
      await scene.during('disconnect', a.transport.disconnect())
      await scene.until(() => joinedA.hasEnded, 'connect to end')
      await scene.during('the waiting receive to end', receiving)
      await checkUses(scene, a.transport)
      const codes = ['ERR_CONNECTION_CLOSED', 'ERR_TRANSPORT_CLOSED']
      await checkCode(ab.send(createMessage(1)), 'send after disconnect', ...codes)
    },
  },
  {
    id: 'one-connection-only',
    title: 'lets one connection end without harm to the others',
    async run(scene) {
      const { a, ab, ba, topic, joinedA } = await scene.meet()
      const other = await scene.createPeer()
      const admit = ({ id }: { id: string }): boolean => id === a.id
      const fromOther = await scene.first(scene.join(other, topic, { admit }), 'a third peer')
      const isOther = ({ peerId }: { peerId: string }): boolean => peerId === other.id
      await scene.until(() => joinedA.connections.some(isOther), 'the third peer to be yielded')
      await scene.during('disconnect', other.transport.disconnect())
      await scene.during('closed', fromOther.closed)
      await exchange(scene, ab, ba)
    },
  },
  {
    id: 'nothing-left-behind',
    title: 'leaves no timer and no socket after disconnect',
    skipReason: () =>
      activeResources() ? undefined : 'this platform does not list its timers and sockets',
    async run(scene) {
      const before = countByName(activeResources() ?? [])
      const { a, b } = await scene.meet()
      await scene.during('disconnect', a.transport.disconnect())
      await scene.during('disconnect', b.transport.disconnect())
      let left: string[] = []
      const isClean = (): boolean => {
        left = [...countByName(activeResources() ?? [])]
          .filter(([name, count]) => count > (before.get(name) ?? 0))
          .map(([name, count]) => `${count - (before.get(name) ?? 0)} ${name}`)
        return left.length === 0
      }
      await scene.until(() => {
        const done = isClean()
        scene.waitingFor = `the end of what is still active: ${left.join(', ')}`
        return done
      }, 'timers and sockets to end')
    },
  },
]

async function checkUses(
  scene: Scene,
  transport: Awaited<ReturnType<Scene['createPeer']>>['transport'],
): Promise<void> {
  const topic = scene.createTopic()
  const uses: Record<string, () => Promise<unknown>> = {
    listen: () => transport.listen(),
    announce: () => transport.announce(topic),
    lookup: () => transport.lookup(topic),
    connect: () => transport.connect(topic)[Symbol.asyncIterator]().next(),
    dial: () => transport.dial(`${transport.name}://127.0.0.1:9`),
  }
  const canDial = scene.options.manifest.features.dials
  for (const [name, use] of Object.entries(uses)) {
    const codes = [
      'ERR_TRANSPORT_CLOSED',
      ...(name === 'dial' && !canDial ? ['ERR_UNSUPPORTED'] : []),
    ]
    await scene.during(name, checkCode(use(), `${name} after disconnect`, ...codes))
  }
}

/** What keeps the process alive, by kind, where the platform tells: Node. */
function activeResources(): readonly string[] | undefined {
  return 'process' in globalThis ? process.getActiveResourcesInfo?.() : undefined
}

function countByName(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
