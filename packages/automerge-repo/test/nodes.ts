/** Networks on loopback for tests. */
import { createNodeKey, type NodeKey } from '@vudo/identity'
import { createNetwork, type Network } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { parseTransportConfig, type Transport } from '@vudo/transport'
import { memory } from '@vudo/transport-memory'
import { tcp } from '@vudo/transport-tcp'

/** What all of these networks have joined. */
export const databaseId = 'repo'

/** Transports over TCP and within this process, on free addresses of loopback. */
function createTransports(key: NodeKey): Transport[] {
  const settings = parseTransportConfig({
    port: 0,
    bindAddress: '127.0.0.1',
    maxNewConnectionsPerSecond: 10_000,
    dialTimeoutMs: 5_000,
  })
  const context = { ...createTransportContext(key), settings }
  return [tcp()(context), memory()(context)]
}

/** A network in the database, reached over TCP at its first address. */
export async function startNetwork(key: NodeKey = createNodeKey()): Promise<Network> {
  const transports = createTransports(key)
  const network = createNetwork({ key, transports })
  transportsOf.set(network, transports)
  await network.start()
  await network.join({ id: databaseId, secret: new Uint8Array(32).fill(7) })
  return network
}

const transportsOf = new WeakMap<Network, Transport[]>()

/** Ends all connections of a network over TCP, for good. */
export async function loseTcp(network: Network): Promise<void> {
  for (const transport of transportsOf.get(network) ?? []) {
    if (transport.name === 'tcp') await transport.disconnect()
  }
}

/** Where a network is reached with this scheme. */
export function addressOf({ addresses }: Network, scheme: 'tcp' | 'memory'): string {
  const address = addresses.find((one) => one.startsWith(`${scheme}:`))
  if (address === undefined) throw new Error(`no ${scheme} address in ${addresses.join()}`)
  return address
}

/** So many networks, each connected with each. */
export async function startNetworks(count: number): Promise<Network[]> {
  const networks: Network[] = []
  for (let at = 0; at < count; at++) {
    const network = await startNetwork()
    for (const other of networks) await network.connectPeer(addressOf(other, 'tcp'))
    networks.push(network)
  }
  return networks
}
