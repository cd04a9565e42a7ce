/** What `vudo node` makes of the environment and the file before the defaults count: `vudo config` shows the same. */
import type { OptionReport, P2POptions } from '@vudo/p2p'
import { parseBind } from './bind.ts'

/** Variables by name, as `process.env` has them. */
type Environment = Readonly<Record<string, string | undefined>>

/**
 * Every option of a node with these options. A node of the command line gossips unless somebody
 * says no, and `VUDO_P2P_BIND` is a variable of the command and of no option.
 *
 * @param options - What the command line says.
 * @throws `CliError` `ERR_USAGE` for `VUDO_P2P_BIND`, and what `readConfiguration` throws.
 */
export async function nodeSettings(
  options: P2POptions,
  environment: Environment,
): Promise<readonly OptionReport[]> {
  const { VUDO_P2P_BIND: bind } = environment
  const bound = bind === undefined || bind === '' ? {} : parseBind(bind)
  const { readConfiguration } = await import('@vudo/p2p')
  const { report } = await readConfiguration({ ...bound, ...options }, environment)
  return report.map((line) => {
    if (line.name === 'gossip' && line.origin === 'default') return { ...line, value: true }
    if (!(line.name in bound) || line.name in options) return line
    return { ...line, origin: 'environment', from: 'VUDO_P2P_BIND' }
  })
}
