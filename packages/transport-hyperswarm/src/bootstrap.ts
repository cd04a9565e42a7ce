/**
 * A node of the DHT for others to join by: for tests, demos, and operators of a network of their own.
 *
 * @packageDocumentation
 */
import { TransportError, type Address } from '@vudo/transport'
import { probeUdpPort } from './dht-node.ts'
import { sortBootstrapList } from './hyperswarm-address.ts'
import { loadHyperdht } from './load-hyperdht.ts'

/** What {@link startBootstrap} takes. */
export interface BootstrapOptions {
  /**
   * IPv4 address of this machine at which others reach it. It listens there, and tells others so.
   *
   * @defaultValue `'127.0.0.1'`: this machine only.
   */
  readonly host?: string | undefined
  /**
   * UDP port; 0 takes any free one.
   *
   * @defaultValue 0
   */
  readonly port?: number | undefined
  /**
   * Other nodes of the DHT, `hyperswarm://host:port`: with a second and a third one it goes on
   * when one stops.
   *
   * @defaultValue none: it begins a DHT of its own.
   */
  readonly bootstrapNodes?: readonly Address[] | undefined
}

/** A running bootstrap. */
export interface Bootstrap {
  /** For `bootstrapNodes` of the transport settings: `hyperswarm://host:port`. */
  readonly address: Address
  readonly host: string
  /** The real one. */
  readonly port: number
  /** Stops it; the DHT goes on with the nodes that know each other. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a node that keeps announcements of topics and keys, and passes handshakes on.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID` when `host` is no IPv4 address of this machine
 *   or a node is not written as it should,
 *   `ERR_ADDRESS_IN_USE`, `ERR_TRANSPORT_MISSING`.
 */
export async function startBootstrap(options: BootstrapOptions = {}): Promise<Bootstrap> {
  const { host = '127.0.0.1' } = options
  const { nodes: bootstrap } = sortBootstrapList(options.bootstrapNodes ?? [])
  const port = await checkedPort(host, options.port ?? 0)
  const Hyperdht = await loadHyperdht()
  const node = Hyperdht.bootstrapper(port, host, { host, bootstrap })
  await node.fullyBootstrapped()
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= node.destroy({ force: true }))
  return {
    address: `hyperswarm://${host}:${port}`,
    host,
    port,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The library wants to know the port before it binds, so the system is asked for one that is free. */
async function checkedPort(host: string, port: number): Promise<number> {
  const isIPv4 = /^\d{1,3}(\.\d{1,3}){3}$/.test(host) && host !== '0.0.0.0'
  if (!isIPv4) {
    throw new TransportError('ERR_CONFIG_INVALID', `host is ${host}, expected an IPv4 address`, {
      hint: 'give the address at which others reach this machine; 0.0.0.0 is none',
    })
  }
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return probeUdpPort(host, port)
  throw new TransportError('ERR_CONFIG_INVALID', `port is ${port}, expected 0 to 65535`, {
    hint: 'use 0 to take any free port',
  })
}
