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
const toAlice = plug(aliceKey.peerId, back, there, false)
const alice = createNetwork({ key: aliceKey, transports: [toBob] })
const bob = createNetwork({ key: bobKey, transports: [toAlice] })

bob.handle('/greeting/1', async (channel) => {
  for await (const message of channel) console.log('bob hears', new TextDecoder().decode(message))
  await channel.close()
})
await Promise.all([alice.start(), bob.start()])

// Both know the database and its secret: that is what lets them talk.
const secret = crypto.getRandomValues(new Uint8Array(32))
await Promise.all([alice.join({ id: 'notes', secret }), bob.join({ id: 'notes', secret })])

const peerId = await alice.connectPeer('cable://bob', { expected: bobKey.peerId })
const channel = alice.session(peerId)!.openChannel('/greeting/1', { database: 'notes' })
await channel.send(new TextEncoder().encode('hello'))
await channel.close()
await Promise.all([alice.stop(), bob.stop()])
