/**
 * A transport of one's own in 30 lines: peers in one process who call each other by name.
 * The swarm adds what every transport needs: proof of the peer's key, encryption, topics,
 * limits. The conformance suite of `@vudo/transport-conformance` says when it is done.
 */
import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import { createSwarm, type Accept, type Medium } from '@vudo/swarm'
import { deriveTopic } from '@vudo/topic'
import { createTransport, registerTransport, type Pipe } from '@vudo/transport'

const ears = new Map<string, Accept>()

type Messages = TransformStream<Uint8Array, Uint8Array>

/** Two ends of a pipe: what one sends, the other receives. */
function pipePair(): [Pipe, Pipe] {
  const there: Messages = new TransformStream()
  const back: Messages = new TransformStream()
  return [pipeEnd(there, back), pipeEnd(back, there)]
}

function pipeEnd(out: Messages, into: Messages): Pipe {
  const writer = out.writable.getWriter()
  const reader = into.readable.getReader()
  return {
    maxMessageBytes: 65_535,
    send: (message) => writer.write(message.slice()),
    receive: async () => (await reader.read().catch(() => undefined))?.value,
    close: async () => {
      await Promise.allSettled([writer.abort(), reader.cancel()])
    },
  }
}

function shout(name: string): Medium {
  return {
    name: 'shout',
    features: { maxMessageBytes: 65_518, provesPeer: false, discovers: false, dials: true },
    listen: async (accept) => {
      ears.set(name, accept)
      return [`shout://${name}`]
    },
    dial: async (address) => {
      const [mine, theirs] = pipePair()
      ears.get(address.slice('shout://'.length))?.({ open: async () => theirs, refuse: () => {} })
      return mine
    },
    close: async () => {
      ears.delete(name)
    },
  }
}

let named = 0
registerTransport('shout', (context) => createSwarm(shout(`peer-${++named}`), context))

const topic = deriveTopic('custom-transport-example')
const [alice, bob] = [createNodeKey(), createNodeKey()].map((key) =>
  createTransport({ mode: 'shout' }, createTransportContext(key)),
)
if (!alice || !bob) throw new Error('unreachable')
await alice.listen()
const arrivals = alice.connect(topic)[Symbol.asyncIterator]()
const arrival = arrivals.next()
const joined = bob.connect(topic)[Symbol.asyncIterator]().next()
const outgoing = await bob.dial(alice.addresses[0] ?? '')
await joined
const incoming = (await arrival).value
await outgoing.send(new TextEncoder().encode('hello over a transport of my own'))
console.log(new TextDecoder().decode(await incoming?.receive()))
await Promise.all([alice.disconnect(), bob.disconnect()])
