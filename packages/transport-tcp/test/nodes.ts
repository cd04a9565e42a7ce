import { createPublicKey, createPrivateKey, randomBytes } from 'node:crypto'
import { parseTransportConfig, type TransportConfig, type TransportContext } from '@vudo/transport'

const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

export function peerIdOf(seed: Uint8Array): string {
  const key = createPrivateKey({
    key: Buffer.concat([prefix, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex')
}

/** A node on loopback with a fresh key. It has no discovery and never needs the secure channel. */
export function createContext(
  config: TransportConfig = {},
  seed: Uint8Array = randomBytes(32),
): TransportContext {
  return {
    peerId: peerIdOf(seed),
    seed,
    settings: parseTransportConfig({
      bindAddress: '127.0.0.1',
      port: 0,
      maxNewConnectionsPerSecond: 1_000,
      ...config,
    }),
    discoveries: [],
    signRecord: unused,
    secure: unused,
  }
}

function unused(): never {
  throw new Error('tcp does not need this')
}
