import { createGossip } from '@vudo/gossip'
import { createNodeKey } from '@vudo/identity'
import { createNetwork } from '@vudo/network'
import type { Connection, Transport } from '@vudo/transport'

type Pipe = TransformStream<Uint8Array, Uint8Array>

// Two transports with one cable between them; yours come from `@vudo/transport-tcp` and the like.
function plug(peerId: string, out: Pipe, back: Pipe, outbound: boolean): Transport {
  const [writer, reader] = [out.writable.getWriter(), back.readable.getReader()]
  const ended = Promise.withResolvers<{ clean: boolean }>()
  const receive = async (): Promise<Uint8Array | undefined> => (await reader.read()).value
  const connection: Connection = {
    peerId,
    path: { transport: 'cable', relayed: false, outbound },
    send: (message) => writer.write(message.slice()),
    receive,
    close: async () => {
      ended.resolve({ clean: true })
      await Promise.allSettled([writer.close(), reader.cancel()])
    },
    closed: ended.promise,
    [Symbol.asyncIterator]: async function* () {
      for (let next = await receive(); next; next = await receive()) yield next
    },
  }
  return {
    name: 'cable',
    features: { maxMessageBytes: 65_536, provesPeer: true, discovers: false, dials: outbound },
    addresses: [],
    listen: async () => {},
    announce: async () => {},
    lookup: async () => [],
    connect: async function* () {
      if (!outbound) yield connection
    },
    dial: async () => connection,
    disconnect: () => connection.close(),
  }
}

const [aliceKey, bobKey] = [createNodeKey(), createNodeKey()]
const [there, back]: [Pipe, Pipe] = [new TransformStream(), new TransformStream()]
const toBob = plug(bobKey.peerId, there, back, true)
const alice = createNetwork({ key: aliceKey, transports: [toBob] })
const bob = createNetwork({
  key: bobKey,
  transports: [plug(aliceKey.peerId, back, there, false)],
})
const secret = crypto.getRandomValues(new Uint8Array(32))
for (const network of [alice, bob]) {
  await network.start()
  await network.join({ id: 'notes', secret })
}

// Each node gossips in the database that both have joined.
const fromAlice = await createGossip({ network: alice, key: aliceKey, database: 'notes' })
const fromBob = await createGossip({ network: bob, key: bobKey, database: 'notes' })
const [news, heard] = [fromAlice.join('news'), fromBob.join('news')]
await alice.connectPeer('cable://bob', { expected: bobKey.peerId })
await fromAlice.whenPeers('news', 1)

await news.publish(new TextEncoder().encode('the kettle is on'))
for await (const { author, bytes } of heard) {
  console.log(author === aliceKey.peerId, new TextDecoder().decode(bytes))
  break
}
await Promise.all([fromAlice.close(), fromBob.close()])
await Promise.all([alice.stop(), bob.stop()])
