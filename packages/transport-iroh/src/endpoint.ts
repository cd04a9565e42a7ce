import { isIP, isIPv6 } from 'node:net'
import type { Endpoint } from '@number0/iroh/index.js'
import { TransportError, type TransportContext, type TransportSettings } from '@vudo/transport'
import { within } from './abandon.ts'
import { isDirectAddress, isRelayUrl } from './iroh-address.ts'
import { MAX_DIRECT_ADDRESSES, MAX_RELAYS, STACK_CLOSE_MS } from './limits.ts'
import type { Iroh } from './load-iroh.ts'
import { stackCause, stackReason } from './stack-error.ts'

/** The only protocol that is spoken (RFC 7301); a later version of it gets another name. */
const alpnProtocol = '/vudo/link/1'

/** {@link alpnProtocol} as the stack takes it. A new array each: the stack may keep it. */
export function alpn(): number[] {
  return Array.from(alpnProtocol, (character) => character.charCodeAt(0))
}

/** What an endpoint is made of. */
export interface BindInit {
  readonly iroh: Iroh
  readonly context: Pick<TransportContext, 'seed' | 'settings'>
  /** Checked by {@link checkRelays}; none at all keeps the stack from every relay. */
  readonly relays: readonly string[] | undefined
  /** Checked by {@link checkAnnounced}: where others reach the endpoint besides what it finds out. */
  readonly announced: readonly string[]
}

/**
 * Opens the sockets of a node. Nobody of the stack's vendor is asked for anything: no
 * lookup service, and no relays but `relays`.
 *
 * @throws `TransportError` `ERR_ADDRESS_IN_USE`, or `ERR_CONFIG_INVALID` when this
 *   machine cannot listen at `bindAddress`, or the stack does not take an announced address.
 */
export async function bindEndpoint(init: BindInit): Promise<Endpoint> {
  const endpoint = await bindAnywhere(init)
  try {
    // Told to the stack, and not only written into our address: it sends them to whom it meets at a relay.
    await Promise.all(init.announced.map((address) => endpoint.addExternalAddr(address)))
  } catch (error) {
    // Nobody else has it: its sockets would stay.
    await within(STACK_CLOSE_MS, endpoint.close())
    throw unannounced(init.announced, error)
  }
  return endpoint
}

/** At the port of the settings, or at any when that one is taken and nobody chose it. */
async function bindAnywhere(init: BindInit): Promise<Endpoint> {
  const { port, isPortChosen, bindAddress } = init.context.settings
  const host = isIPv6(bindAddress) ? `[${bindAddress}]` : bindAddress
  try {
    if (isIP(bindAddress) === 0) throw new Error('not an IP address')
    return await bind(init, `${host}:${port}`)
  } catch (error) {
    const isTaken = stackReason(error).includes('Address already in use')
    // Nobody asked for this very port, and whoever discovers us learns the real one.
    if (isTaken && !isPortChosen) return bind(init, `${host}:0`)
    throw isTaken ? inUse(bindAddress, port, error) : unusable(bindAddress, port, error)
  }
}

async function bind({ iroh, context, relays }: BindInit, at: string): Promise<Endpoint> {
  // A builder is used once: what is left of it after a failure is not defined.
  const builder = iroh.Endpoint.builder()
  iroh.presetMinimal(builder)
  const { RelayMode } = iroh
  builder.relayMode(relays ? RelayMode.customFromUrls([...relays]) : RelayMode.disabled())
  builder.alpns([alpn()])
  builder.bindAddr(at)
  const seed = Array.from(context.seed)
  builder.secretKey(seed)
  seed.fill(0)
  return builder.bind()
}

/**
 * Checks the relays that a user configured.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`.
 */
export function checkRelays(relays: readonly string[]): void {
  const wrong = relays.find((url) => !isRelayUrl(url))
  if (wrong === undefined && relays.length <= MAX_RELAYS) return
  const shown = wrong === undefined ? `a list of ${relays.length}` : JSON.stringify(wrong)
  throw new TransportError(
    'ERR_CONFIG_INVALID',
    `relays has ${shown}, expected up to ${MAX_RELAYS} URLs that begin with https://`,
    { hint: "for example iroh({ relays: ['https://relay.example.com'] })" },
  )
}

/**
 * Checks the addresses that a user wants announced.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`.
 */
export function checkAnnounced(addresses: readonly string[]): void {
  const wrong = addresses.find((address) => !isDirectAddress(address))
  if (wrong === undefined && addresses.length <= MAX_DIRECT_ADDRESSES) return
  const shown = wrong === undefined ? `a list of ${addresses.length}` : JSON.stringify(wrong)
  throw new TransportError(
    'ERR_CONFIG_INVALID',
    `announceAddresses has ${shown}, expected up to ${MAX_DIRECT_ADDRESSES} IP addresses with ports`,
    { hint: "for example iroh({ announceAddresses: ['203.0.113.7:34569'] }), IPv6 in brackets" },
  )
}

/**
 * Refuses settings that the stack cannot keep: it is QUIC, and looks for ways through
 * routers in any case.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`.
 */
export function checkSettings(settings: TransportSettings): void {
  for (const field of ['enableQuic', 'enableNatTraversal'] as const) {
    if (settings[field]) continue
    throw new TransportError(
      'ERR_CONFIG_INVALID',
      `${field} is false, and iroh cannot do without`,
      {
        hint: 'leave iroh out of the transports, or leave the option out',
      },
    )
  }
}

/** Tells an address that only this machine can have. */
export function isLoopback(host: string): boolean {
  return host === '::1' || /^(?:::ffff:)?127\./i.test(host)
}

/** Where others can reach an endpoint, as far as it knows: `ip:port` each, IPv4 first. */
export function directAddresses(
  endpoint: Pick<Endpoint, 'addr' | 'boundSockets'>,
  { bindAddress }: Pick<TransportSettings, 'bindAddress'>,
): string[] {
  const known = [...endpoint.addr().directAddresses(), ...endpoint.boundSockets()]
  const isOurs = isLoopback(bindAddress)
    ? // The stack has an IPv6 socket in any case, which is not where we were told to listen.
      (address: string): boolean => hostOf(address) === bindAddress
    : (address: string): boolean => !/^(?:0\.0\.0\.0|::)$/.test(hostOf(address))
  const usable = [...new Set(known)].filter(isOurs)
  const outside = usable.filter((address) => !isLoopback(hostOf(address)))
  const best = outside.length > 0 ? outside : usable
  return best.toSorted((a, b) => Number(a.startsWith('[')) - Number(b.startsWith('[')))
}

/** The IP address of `ip:port`, without brackets. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
}

function inUse(host: string, port: number, error: unknown): TransportError {
  return new TransportError('ERR_ADDRESS_IN_USE', `port ${port} of ${host} is taken`, {
    cause: stackCause(error),
    hint: 'another instance may be running: choose another port, or 0 for any free one',
  })
}

function unusable(host: string, port: number, error: unknown): TransportError {
  const message = `cannot listen at ${host}:${port}: ${stackReason(error)}`
  return new TransportError('ERR_CONFIG_INVALID', message, {
    cause: stackCause(error),
    hint: 'bindAddress has to be an IP address of this machine; 0.0.0.0 means all of them',
  })
}

function unannounced(addresses: readonly string[], error: unknown): TransportError {
  const message = `iroh does not announce ${addresses.join(', ')}: ${stackReason(error)}`
  return new TransportError('ERR_CONFIG_INVALID', message, {
    cause: stackCause(error),
    hint: 'announceAddresses has to be where others reach this node; leave it out to use what iroh finds out',
  })
}
