/**
 * The foreign stack, loaded when it is needed first: nobody who only imports this
 * package pays for it, in time or memory.
 */
import type * as Libp2pQuic from '@chainsafe/libp2p-quic'
import type * as Autonat from '@libp2p/autonat'
import type * as CircuitRelayV2 from '@libp2p/circuit-relay-v2'
import type * as CryptoKeys from '@libp2p/crypto/keys'
import type * as Dcutr from '@libp2p/dcutr'
import type * as Identify from '@libp2p/identify'
import type * as KadDht from '@libp2p/kad-dht'
import type * as Mdns from '@libp2p/mdns'
import type * as PeerId from '@libp2p/peer-id'
import type * as Ping from '@libp2p/ping'
import type * as Tcp from '@libp2p/tcp'
import type * as UpnpNat from '@libp2p/upnp-nat'
import type * as Websockets from '@libp2p/websockets'
import type * as Yamux from '@libp2p/yamux'
import type * as Multiaddr from '@multiformats/multiaddr'
import type * as Libp2p from 'libp2p'
import type * as Noise from './noise.ts'
import type * as TopicCid from './topic-cid.ts'
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
  readonly '@chainsafe/libp2p-quic': typeof Libp2pQuic
  readonly '@libp2p/autonat': typeof Autonat
  readonly '@libp2p/circuit-relay-v2': typeof CircuitRelayV2
  readonly '@libp2p/crypto': typeof CryptoKeys
  readonly '@libp2p/dcutr': typeof Dcutr
  readonly '@libp2p/identify': typeof Identify
  readonly '@libp2p/kad-dht': typeof KadDht
  readonly '@libp2p/mdns': typeof Mdns
  readonly '@libp2p/noise': typeof Noise
  readonly '@libp2p/peer-id': typeof PeerId
  readonly '@libp2p/ping': typeof Ping
  readonly '@libp2p/tcp': typeof Tcp
  readonly '@libp2p/upnp-nat': typeof UpnpNat
  readonly '@libp2p/websockets': typeof Websockets
  readonly '@libp2p/yamux': typeof Yamux
  readonly '@multiformats/multiaddr': typeof Multiaddr
  readonly libp2p: typeof Libp2p
  readonly multiformats: typeof TopicCid
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
  '@libp2p/noise': () => import('./noise.ts'),
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
