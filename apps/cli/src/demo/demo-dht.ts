import { CliError } from '../errors.ts'

/** A distributed hash table on this machine, for transports that find peers in one. */
export interface DemoDht {
  /** For `--p2p-peer`. */
  readonly address: string
  close(): Promise<void>
}

/**
 * Starts the hash table that `transport` needs; nothing where it needs none.
 *
 * @throws `CliError` `ERR_DEMO_FAILED` when the package of the transport is not installed.
 */
export async function startDemoDht(transport: string): Promise<DemoDht | undefined> {
  if (transport !== 'hyperswarm') return undefined
  try {
    const { startBootstrap } = await import('@vudo/transport-hyperswarm/bootstrap')
    return await startBootstrap({ host: '127.0.0.1' })
  } catch (cause) {
    throw new CliError('ERR_DEMO_FAILED', `the hash table did not start: ${String(cause)}`, {
      cause,
      hint: 'npm i @vudo/transport-hyperswarm',
    })
  }
}
