import { describe, test } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import { secureLink } from '@vudo/secure-channel'
import { MAX_MESSAGE_BYTES, type Address } from '@vudo/transport'
import { testTransport, type RawEnd } from '@vudo/transport-conformance'
import { createMemoryMedium, memory, type MemoryPipe } from '@vudo/transport-memory'

const shared = createMemoryMedium()
const pipes = new Set<MemoryPipe>()

/** The shared medium, with an eye on every pipe that is opened on it. */
const medium: typeof shared = {
  listen: (onCall) => shared.listen(onCall),
  hangUp: (address) => shared.hangUp(address),
  call(address) {
    const pipe = shared.call(address)
    pipes.add(pipe)
    void pipe.ended.then(() => pipes.delete(pipe))
    return pipe
  },
  announce: (topic, peer) => shared.announce(topic, peer),
  withdraw: (topic, id) => shared.withdraw(topic, id),
  lookup: (topic) => shared.lookup(topic),
  watch: (topic, onPeer) => shared.watch(topic, onPeer),
}

function rawEnd(pipe: MemoryPipe): RawEnd {
  return { send: (bytes) => pipe.send(bytes), closed: pipe.ended, close: () => pipe.close() }
}

/** On the pipe, because a link refuses to send so much; what a forged link may send, secure-channel tests. */
async function oversize(address: Address): Promise<RawEnd> {
  const pipe = shared.call(address)
  const path = { transport: 'memory', relayed: false }
  await secureLink(pipe, { key: createNodeKey(), initiator: true, path })
  await pipe.send(new Uint8Array(MAX_MESSAGE_BYTES + 1))
  return rawEnd(pipe)
}

describe('transport-memory', () => {
  testTransport('memory', {
    test: (name, run) => test(name, run, 30_000),
    make: memory({ medium }),
    manifest: {
      features: {
        maxMessageBytes: MAX_MESSAGE_BYTES,
        provesPeer: false,
        discovers: true,
        dials: true,
      },
      pipes: false,
    },
    raw: { dial: async (address) => rawEnd(shared.call(address)), oversize },
    // One connection is all that the case has; a pipe that ends has said no goodbye.
    cut: () => pipes.forEach((pipe) => void pipe.close()),
  })
})
