/** kad-dht, by `@vudo/transport-libp2p`. */
import { libp2p } from '@vudo/transport-libp2p'
import { createNode } from '../support/transport-ends.mjs'

export const factory = libp2p({ enableQuic: false, enableDht: true })

/** Starts a node for others to join by, and gives its address. */
export async function bootstrap(bootstrapNodes) {
  const { node } = createNode(factory, { bootstrapNodes })
  await node.listen()
  return node.addresses[0]
}
