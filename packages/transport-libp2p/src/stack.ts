/**
 * The foreign stack, loaded when it is needed first: nobody who only imports this
 * package pays for it, in time or memory.
 */
import { TransportError } from '@vudo/transport'

/** Each package of the stack, and the version this transport was made for. */
export const stackVersions = {
  '@chainsafe/libp2p-quic': '2.1.1',
  '@libp2p/autonat': '3.0.28',
  '@libp2p/circuit-relay-v2': '4.2.13',
  '@libp2p/crypto': '5.1.23',
  '@libp2p/dcutr': '3.0.28',
  '@libp2p/identify': '4.1.14',
  '@libp2p/kad-dht': '16.4.5',
  '@libp2p/mdns': '12.0.32',
  '@libp2p/noise': '17.0.3',
  '@libp2p/peer-id': '6.0.15',
  '@libp2p/ping': '3.1.13',
  '@libp2p/tcp': '11.0.28',
  '@libp2p/upnp-nat': '4.0.28',
  '@libp2p/websockets': '10.1.21',
  '@libp2p/yamux': '8.0.3',
  '@multiformats/multiaddr': '13.0.3',
  libp2p: '3.3.11',
  multiformats: '14.0.5',
} as const

/** What each part gives. */
export interface StackModules {
  readonly '@chainsafe/libp2p-quic': typeof import('@chainsafe/libp2p-quic')
  readonly '@libp2p/autonat': typeof import('@libp2p/autonat')
  readonly '@libp2p/circuit-relay-v2': typeof import('@libp2p/circuit-relay-v2')
  readonly '@libp2p/crypto': typeof import('@libp2p/crypto/keys')
  readonly '@libp2p/dcutr': typeof import('@libp2p/dcutr')
  readonly '@libp2p/identify': typeof import('@libp2p/identify')
  readonly '@libp2p/kad-dht': typeof import('@libp2p/kad-dht')
  readonly '@libp2p/mdns': typeof import('@libp2p/mdns')
  readonly '@libp2p/noise': typeof import('@libp2p/noise')
  readonly '@libp2p/peer-id': typeof import('@libp2p/peer-id')
  readonly '@libp2p/ping': typeof import('@libp2p/ping')
  readonly '@libp2p/tcp': typeof import('@libp2p/tcp')
  readonly '@libp2p/upnp-nat': typeof import('@libp2p/upnp-nat')
  readonly '@libp2p/websockets': typeof import('@libp2p/websockets')
  readonly '@libp2p/yamux': typeof import('@libp2p/yamux')
  readonly '@multiformats/multiaddr': typeof import('@multiformats/multiaddr')
  readonly libp2p: typeof import('libp2p')
  readonly multiformats: typeof import('./topic-cid.ts')
}

/** How each part is loaded. Tests hand in others. */
export type StackLoaders = {
  readonly [Name in keyof StackModules]: () => Promise<StackModules[Name]>
}

/** The real ones. */
export const stackLoaders: StackLoaders = {
  '@chainsafe/libp2p-quic': () => import('@chainsafe/libp2p-quic'),
  '@libp2p/autonat': () => import('@libp2p/autonat'),
  '@libp2p/circuit-relay-v2': () => import('@libp2p/circuit-relay-v2'),
  '@libp2p/crypto': () => import('@libp2p/crypto/keys'),
  '@libp2p/dcutr': () => import('@libp2p/dcutr'),
  '@libp2p/identify': () => import('@libp2p/identify'),
  '@libp2p/kad-dht': () => import('@libp2p/kad-dht'),
  '@libp2p/mdns': () => import('@libp2p/mdns'),
  '@libp2p/noise': () => import('@libp2p/noise'),
  '@libp2p/peer-id': () => import('@libp2p/peer-id'),
  '@libp2p/ping': () => import('@libp2p/ping'),
  '@libp2p/tcp': () => import('@libp2p/tcp'),
  '@libp2p/upnp-nat': () => import('@libp2p/upnp-nat'),
  '@libp2p/websockets': () => import('@libp2p/websockets'),
  '@libp2p/yamux': () => import('@libp2p/yamux'),
  '@multiformats/multiaddr': () => import('@multiformats/multiaddr'),
  libp2p: () => import('libp2p'),
  multiformats: () => import('./topic-cid.ts'),
}

/**
 * Loads one part.
 *
 * @throws `TransportError` `ERR_TRANSPORT_MISSING`, whose hint is the line that installs it.
 */
export async function loadPart<Name extends keyof StackModules>(
  loaders: StackLoaders,
  name: Name,
): Promise<StackModules[Name]> {
  try {
    return await loaders[name]()
  } catch (cause) {
    throw new TransportError('ERR_TRANSPORT_MISSING', `${name} cannot be loaded`, {
      cause,
      hint: `npm i ${name}@${stackVersions[name]}`,
    })
  }
}
