/** Ours in a contest: a `Connection` of a transport that its package's factory made, both ends under one topic. */
import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import { parseTransportConfig } from '@vudo/transport'

const topic = new Uint8Array(32).fill(7)

/** A contender out of a factory; `choose` picks one of the server's addresses. */
export function contenderOf(factory, choose = ([first]) => first) {
  return {
    serve: async (answer, setting) => {
      const { node: transport } = createNode(factory, setting)
      await transport.listen()
      void answerAll(join(transport), answer)
      return choose(transport.addresses)
    },
    connect: async (address, setting) => {
      const { node: transport } = createNode(factory, setting)
      await transport.listen()
      void answerAll(join(transport), () => undefined)
      return dial(transport, address)
    },
  }
}

/** A node on loopback, with a fresh key and room for every peer of a benchmark. */
export function createNode(factory, setting = {}) {
  const context = createTransportContext(createNodeKey())
  const node = factory({
    ...context,
    settings: parseTransportConfig({
      bindAddress: '127.0.0.1',
      port: 0,
      maxConnections: 1_000,
      maxNewConnectionsPerSecond: 1_000,
      ...setting,
    }),
  })
  return { node, id: context.peerId }
}

/** Nobody is dialled but by us. */
function join(transport) {
  const iteration = transport.connect(topic, { admit: () => false })[Symbol.asyncIterator]()
  return { [Symbol.asyncIterator]: () => iteration }
}

async function answerAll(connections, answer) {
  for await (const connection of connections) void answer(connection)
}

async function dial(transport, address) {
  const connection = await transport.dial(address)
  return {
    send: (bytes) => connection.send(bytes),
    receive: () => connection.receive(),
    close: () => connection.close(),
    redial: () => dial(transport, address),
  }
}
