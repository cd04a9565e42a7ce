import { TransportError } from '@vudo/transport'
import type HyperDHT from 'hyperdht'

/** The class that the package `hyperdht` exports. */
export type HyperDHTClass = typeof HyperDHT

/** Imports the package; a test hands in one that fails. */
export type ImportHyperdht = () => Promise<{ readonly default: HyperDHTClass }>

/** The version whose behaviour this package relies on. */
const wanted = 'hyperdht@6.34.0'

/**
 * Loads the foreign stack: only when it is used, because it brings native code.
 *
 * @throws `TransportError` `ERR_TRANSPORT_MISSING` with the line that installs it.
 */
export async function loadHyperdht(
  importIt: ImportHyperdht = importHyperdht,
): Promise<HyperDHTClass> {
  try {
    return (await importIt()).default
  } catch (cause) {
    throw new TransportError('ERR_TRANSPORT_MISSING', `${wanted} cannot be loaded`, {
      cause,
      hint: `npm i ${wanted}`,
    })
  }
}

function importHyperdht(): Promise<{ readonly default: HyperDHTClass }> {
  return import('hyperdht')
}
