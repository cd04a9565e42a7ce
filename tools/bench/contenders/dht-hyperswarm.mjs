/** HyperDHT, by `@vudo/transport-hyperswarm`. */
import { hyperswarm } from '@vudo/transport-hyperswarm'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'

export const factory = hyperswarm({ persistent: true })

/** Starts a node for others to join by, and gives its address. */
export async function bootstrap(bootstrapNodes) {
  const { address } = await startBootstrap({ bootstrapNodes })
  return address
}
