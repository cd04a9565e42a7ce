import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { KeyPair } from 'hyperdht'
import { isTransportError, TransportError, type TransportSettings } from '@vudo/transport'
import type { BootstrapAddress } from './hyperswarm-address.ts'
import type { HyperDHTClass } from './load-hyperdht.ts'
import type { Dht } from './query.ts'

/** What a node of the DHT is made of. */
export interface DhtNodeInit {
  readonly bootstrap: readonly BootstrapAddress[]
  readonly settings: Pick<TransportSettings, 'bindAddress' | 'port' | 'isPortChosen'>
  /** False: others reach this machine at its port. Left out: the library finds out. */
  readonly firewalled: boolean | undefined
  /** True: it keeps announcements of others at once. Left out: when the library finds it stable. */
  readonly persistent: boolean | undefined
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
  const host = checkedHost(init.settings.bindAddress)
  const port = await freePort(host, init.settings)
  const isLoopback = host.startsWith('127.')
  // Nothing stands between two programs of one machine, and nobody outside could tell otherwise.
  const firewalled = init.firewalled ?? !isLoopback
  const dht = new Hyperdht({
    bootstrap: init.bootstrap,
    host,
    // A range, because the library takes the number 0 for its default port.
    port: [port, port + 1],
    anyPort: true,
    ...(firewalled ? {} : { firewalled }),
    // Not said when it is false: the library would never take this node in then.
    ...(init.persistent ? { ephemeral: false } : {}),
  })
  await dht.bind()
  return { dht, keyPair: Hyperdht.keyPair(init.seed), sharesLocalAddress: !isLoopback }
}

/** The wanted port, or 0 when nobody chose it and it is taken. */
async function freePort(
  host: string,
  { port, isPortChosen }: DhtNodeInit['settings'],
): Promise<number> {
  try {
    await probeUdpPort(host, port)
    return port
  } catch (error) {
    if (isPortChosen || !isAddressInUse(error)) throw error
    return 0
  }
}

/**
 * Binds a socket and lets go of it: the library cannot be got rid of once it has failed to bind.
 *
 * @returns The port: `port`, or the one that the system chose for 0.
 * @throws `TransportError` `ERR_ADDRESS_IN_USE`, `ERR_CONFIG_INVALID`.
 */
export async function probeUdpPort(host: string, port: number): Promise<number> {
  const socket = createSocket('udp4')
  try {
    socket.bind({ port, address: host })
    await once(socket, 'listening')
    return socket.address().port
  } catch (cause) {
    throw bindError(cause, host, port)
  } finally {
    socket.close()
    await once(socket, 'close')
  }
}

function isAddressInUse(error: unknown): boolean {
  return isTransportError(error) && error.code === 'ERR_ADDRESS_IN_USE'
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

function bindError(cause: unknown, host: string, port: number): TransportError {
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
