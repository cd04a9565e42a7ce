/** Networks on loopback for tests. */
import { createNodeKey, createSealingKeys, signPeerRecord, type NodeKey } from '@vudo/identity'
import { createNetwork, type Network } from '@vudo/network'
import { parseTransportConfig, type Transport } from '@vudo/transport'
import { tcp } from '@vudo/transport-tcp'

/** What all of these networks have joined. */
export const databaseId = 'repo'

function tcpTransport(key: NodeKey): Transport {
  const sealing = createSealingKeys({ now: () => Date.now() })
  return tcp()({
    peerId: key.peerId,
    seed: key.seed,
    discoveries: [],
    signRecord: (addresses) =>
      signPeerRecord(key, {
        addresses,
        sequence: Date.now(),
        expiresAtMs: Date.now() + 3_600_000,
        sealingKey: sealing.publicKey,
      }),
    secure: () => Promise.reject(new Error('not needed by tcp')),
    settings: parseTransportConfig({
      port: 0,
      bindAddress: '127.0.0.1',
      maxNewConnectionsPerSecond: 10_000,
      dialTimeoutMs: 5_000,
    }),
  })
}

/** A network over TCP on a free port of loopback, in the database. */
export async function startNetwork(key: NodeKey = createNodeKey()): Promise<Network> {
  const network = createNetwork({ key, transports: [tcpTransport(key)] })
  await network.start()
  await network.join({ id: databaseId, secret: new Uint8Array(32).fill(7) })
  return network
}

/** So many networks, each connected with each. */
export async function startNetworks(count: number): Promise<Network[]> {
  const networks: Network[] = []
  for (let at = 0; at < count; at++) {
    const network = await startNetwork()
    for (const other of networks) await network.connectPeer(other.addresses[0] ?? '')
    networks.push(network)
  }
  return networks
}
