import { isIPv4, isIPv6 } from 'node:net'
import { CliError } from '../errors.ts'

/** Where a node accepts connections. */
export interface Bind {
  /** An IP address; `0.0.0.0` and `::` stand for all of this machine. */
  readonly bindAddress: string
  /** 0 takes any free port. */
  readonly port: number
}

/**
 * Reads `address:port`, with an IPv6 address in brackets.
 *
 * @throws `CliError` `ERR_USAGE`.
 */
export function parseBind(text: string): Bind {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
  const [, ipv6, ipv4, portText] = match ?? []
  const port = Number(portText)
  if (ipv6 !== undefined && isIPv6(ipv6) && port <= 65_535) return { bindAddress: ipv6, port }
  if (ipv4 !== undefined && isIPv4(ipv4) && port <= 65_535) return { bindAddress: ipv4, port }
  const message = `--bind is ${JSON.stringify(text)}, expected an IP address of this machine and a port`
  throw new CliError('ERR_USAGE', message, {
    hint: 'for example --bind 127.0.0.1:7001, or --bind 0.0.0.0:0 for any free port',
  })
}
