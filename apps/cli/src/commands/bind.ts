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
  const bindAddress = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (bindAddress !== undefined && port <= 65_535) return { bindAddress, port }
  throw new CliError('ERR_USAGE', `--bind is ${JSON.stringify(text)}, expected address:port`, {
    hint: 'for example --bind 127.0.0.1:7001, or --bind 0.0.0.0:0 for any free port',
  })
}
