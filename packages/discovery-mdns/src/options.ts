import { isIPv4 } from 'node:net'
import type { DiscoveryError } from './errors.ts'

/** What `mdns` takes. Every field may be left out. */
export interface MdnsOptions {
  /**
   * The IPv4 address of the one network interface to use; `127.0.0.1` keeps to this machine.
   *
   * @defaultValue every interface; questions and answers leave by the system's default one.
   */
  readonly interface?: string | undefined
  /**
   * UDP port, 1 to 65,535. Another one than 5353 meets only programs that chose it as well.
   *
   * @defaultValue 5353
   */
  readonly port?: number | undefined
  /**
   * The beginning of the name under which a record is listed: 1 to 40 letters, digits and hyphens.
   *
   * @defaultValue `'vudo'`
   */
  readonly serviceName?: string | undefined
  /**
   * DNS service type. Only programs with the same one find each other.
   *
   * @defaultValue `'_vudo._tcp'`
   */
  readonly serviceType?: string | undefined
  /**
   * Milliseconds between questions of a watch, 1,000 to 86,400,000; one fifth more or less
   * at random. Lower hears of lost announcements sooner and costs 1,400 bytes each time.
   *
   * @defaultValue 30,000
   */
  readonly discoveryIntervalMs?: number | undefined
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined
  /** A number from 0 to below 1, for jitter only. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined
  /**
   * Told when the socket fails after it has opened, once for each kind of error in a row.
   *
   * @defaultValue nobody; `stats.socketErrors` counts.
   */
  readonly onError?: ((error: DiscoveryError) => void) | undefined
}

/** Complete and checked. */
export interface CheckedMdnsOptions {
  readonly interface: string | undefined
  readonly port: number
  readonly serviceName: string
  readonly serviceType: string
  readonly discoveryIntervalMs: number
  readonly now: () => number
  readonly random: () => number
  readonly onError: (error: DiscoveryError) => void
}

/**
 * Fills in the defaults.
 *
 * @throws `RangeError` for a value out of range.
 */
export function checkMdnsOptions(options: MdnsOptions): CheckedMdnsOptions {
  const checked: CheckedMdnsOptions = {
    interface: options.interface,
    port: options.port ?? 5353,
    serviceName: options.serviceName ?? 'vudo',
    serviceType: options.serviceType ?? '_vudo._tcp',
    discoveryIntervalMs: options.discoveryIntervalMs ?? 30_000,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
    onError: options.onError ?? ((): void => undefined),
  }
  const { interface: address, serviceName, serviceType } = checked
  if (address !== undefined && !isIPv4(address)) {
    throw new RangeError(`interface is ${JSON.stringify(address)}, expected an IPv4 address`)
  }
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/i.test(serviceName)) {
    throw new RangeError('serviceName has to be 1 to 40 letters, digits and hyphens')
  }
  // RFC 6763 section 7: an underscore and up to 15 characters, then the kind of transport.
  if (!/^_[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?\._(?:tcp|udp)$/i.test(serviceType)) {
    throw new RangeError('serviceType has to be like _vudo._tcp, with up to 15 characters')
  }
  inRange('port', checked.port, [1, 65_535])
  inRange('discoveryIntervalMs', checked.discoveryIntervalMs, [1_000, 86_400_000])
  return checked
}

function inRange(name: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new RangeError(`${name} is ${value}, expected a whole number from ${least} to ${most}`)
}
