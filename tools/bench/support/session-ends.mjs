/** A session in a contest: channels of `@vudo/network` over transports that their factories make. */
import { createNodeKey } from '@vudo/identity'
import { createNetwork } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { parseTransportConfig } from '@vudo/transport'

const database = { id: 'bench', secret: new Uint8Array(32).fill(7) }

/** A network on loopback over the transports of `factories`, with room for every peer of a benchmark. */
export async function startNetwork(factories, setting = {}) {
  const key = createNodeKey()
  const context = createTransportContext(key)
  const settings = parseTransportConfig({
    bindAddress: '127.0.0.1',
    port: 0,
    maxNewConnectionsPerSecond: 1_000,
    ...setting,
  })
  const network = createNetwork({
    key,
    transports: factories.map((factory) => factory({ ...context, settings })),
  })
  await network.start()
  await network.join(database)
  return network
}

/** Opens a channel to whoever is at `address`. */
export async function openChannel(network, address, protocol, priority = 'normal') {
  const peerId = await network.connectPeer(address)
  return network.session(peerId).openChannel(protocol, { database: database.id, priority })
}

/**
 * A contender out of a factory. It has what `session-process.mjs` measures besides: an urgent
 * channel that answers, and a bulk channel that only takes.
 */
export function contenderOf(factory, choose = ([first]) => first) {
  let network
  let peerAddress
  return {
    serve: async (answer, setting) => {
      network = await startNetwork([factory], setting)
      network.handle('/bench/1', (channel) => void answer(channel))
      network.handle('/urgent/1', (channel) => void echo(channel))
      network.handle('/bulk/1', (channel) => void drain(channel))
      return choose(network.addresses)
    },
    connect: async (address, setting) => {
      network = await startNetwork([factory], setting)
      peerAddress = address
      return openChannel(network, address, '/bench/1')
    },
    openUrgent: () => openChannel(network, peerAddress, '/urgent/1', 'critical'),
    openBulk: () => openChannel(network, peerAddress, '/bulk/1', 'low'),
  }
}

async function echo(channel) {
  for await (const message of channel) await channel.send(message)
  await channel.close()
}

/** Answers the end with an end. */
async function drain(channel) {
  for await (const message of channel) void message
  await channel.close()
}
