import type * as stack from '@number0/iroh/index.js'
import { TransportError } from '@vudo/transport'

/** What this transport uses of the stack: everything but its `watch…` methods, which abort the process. */
export type Iroh = typeof stack

/** Gets the stack. Called when a node first listens or dials, never before. */
export type LoadIroh = () => Promise<Iroh>

/** The version that was tested; hints name it. */
const stackPackage = '@number0/iroh@1.1.0'

/**
 * The stack itself. By the file and not by the package's name, because its manifest
 * names a main file that does not exist, and Node would warn of that.
 */
export const loadIroh: LoadIroh = () => import('@number0/iroh/index.js')

/**
 * Loads the stack, and says what to do where that fails.
 *
 * @throws `TransportError` `ERR_TRANSPORT_MISSING`.
 */
export async function openIroh(load: LoadIroh): Promise<Iroh> {
  try {
    return await load()
  } catch (cause) {
    throw isMissing(cause) ? missing(cause) : unusable(cause)
  }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && String(error.code).endsWith('MODULE_NOT_FOUND')
  )
}

function missing(cause: unknown): TransportError {
  return new TransportError('ERR_TRANSPORT_MISSING', '@number0/iroh is not installed', {
    cause,
    hint: `npm i ${stackPackage}`,
  })
}

/** The package is there, but not its binary: it has none for macOS on Intel, for example. */
function unusable(cause: unknown): TransportError {
  const where = `${process.platform} ${process.arch}`
  return new TransportError('ERR_TRANSPORT_MISSING', `@number0/iroh has no binary for ${where}`, {
    cause,
    hint: `npm i ${stackPackage} again without --omit=optional; where that does not help, use another transport`,
  })
}
