import { isVudoError, MAX_ADDRESS_CHARACTERS, type Address } from '@vudo/transport'
import { formatTcpAddress, parseTcpAddress } from '@vudo/transport-tcp'
import { invalid } from './option-types.ts'

/** A scheme other than TCP's; what follows it is for that transport to read. */
const otherScheme = /^[a-z][a-z0-9+.-]*:\/\/[\u0021-\u007e]+$/

/**
 * Reads the address of a peer as people write it: `host:port` means TCP, and anything else
 * has to name its scheme, `scheme://…`.
 *
 * @returns The address with its scheme; `undefined` when the text is none.
 */
export function parsePeerAddress(text: string): Address | undefined {
  if (text.length > MAX_ADDRESS_CHARACTERS) return undefined
  if (!text.startsWith('tcp://') && otherScheme.test(text)) return text
  try {
    return formatTcpAddress(parseTcpAddress(text))
  } catch (error) {
    if (!isVudoError(error)) throw error
    return undefined
  }
}

/**
 * The addresses of `bootstrapNodes`, each with its scheme.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`, whose message names the first entry that is no address.
 */
export function parseBootstrapNodes(
  nodes: readonly string[] | undefined,
): readonly Address[] | undefined {
  return nodes?.map((node, i) => {
    const address = parsePeerAddress(node)
    if (address !== undefined) return address
    throw invalid(`bootstrapNodes[${i}]`, node, 'host:port or scheme://…')
  })
}
