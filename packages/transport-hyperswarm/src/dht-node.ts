import type { KeyPair } from 'hyperdht'
import { TransportError, type TransportSettings } from '@vudo/transport'
import type { BootstrapAddress } from './hyperswarm-address.ts'
import type { HyperDHTClass } from './load-hyperdht.ts'
import type { Dht } from './query.ts'

/** What a node of the DHT is made of. */
export interface DhtNodeInit {
  readonly bootstrap: readonly BootstrapAddress[]
  readonly settings: Pick<TransportSettings, 'bindAddress' | 'port' | 'isPortChosen'>
  /** False: others reach this machine at its port. Left out: the library finds out. */
  readonly firewalled: boolean | undefined
  readonly seed: Uint8Array
}

/** This machine's place in the DHT, and the key under which it is there. */
export interface DhtNode {
  readonly dht: Dht
  readonly keyPair: KeyPair
  /** False on loopback, where there is no network to share. */
  readonly sharesLocalAddress: boolean
}

/**
 * Opens the node's two UDP sockets and begins to join the DHT.
 *
 * @throws `TransportError` `ERR_ADDRESS_IN_USE`, or `ERR_CONFIG_INVALID` when this machine cannot
 *   listen at `bindAddress`.
 */
export async function openDhtNode(Hyperdht: HyperDHTClass, init: DhtNodeInit): Promise<DhtNode> {
  const { bindAddress: host, port, isPortChosen } = init.settings
  const isLoopback = host.startsWith('127.')
  // Nothing stands between two programs of one machine, and nobody outside could tell otherwise.
  const firewalled = init.firewalled ?? !isLoopback
  const dht = new Hyperdht({
    bootstrap: init.bootstrap,
    host: checkedHost(host),
    // A range, because the library takes the number 0 for its default port.
    port: [port, port + 1],
    anyPort: !isPortChosen,
    ...(firewalled ? {} : { firewalled }),
  })
  try {
    await dht.bind()
  } catch (cause) {
    await dht.destroy({ force: true })
    throw bindError(cause, host, port)
  }
  return { dht, keyPair: Hyperdht.keyPair(init.seed), sharesLocalAddress: !isLoopback }
}

function checkedHost(host: string): string {
  if (!host.includes(':')) return host
  throw new TransportError(
    'ERR_CONFIG_INVALID',
    `bindAddress is ${host}, expected an IPv4 address`,
    {
      hint: 'the DHT speaks IPv4 only; 0.0.0.0 means all interfaces',
    },
  )
}

/** Why this machine cannot listen at `host:port`, from the system's error. */
export function bindError(cause: unknown, host: string, port: number): TransportError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  if (code === 'EADDRINUSE') {
    return new TransportError('ERR_ADDRESS_IN_USE', `UDP port ${port} of ${host} is taken`, {
      cause,
      hint: 'another instance may be running: choose another port, or 0 for any free one',
    })
  }
  return new TransportError('ERR_CONFIG_INVALID', `cannot listen at ${host}:${port}: ${code}`, {
    cause,
    hint: 'it has to be an IPv4 address of this machine; 0.0.0.0 means all of them',
  })
}
