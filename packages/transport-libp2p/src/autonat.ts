import type { autoNAT, AutoNATComponents } from '@libp2p/autonat'

type CreateAutoNat = ReturnType<typeof autoNAT>

/**
 * AutoNAT answers whether a peer can be reached by a connection to it, which it closes again.
 * Left alone it takes the one on which it was asked, finds another address there than the one
 * in question, and closes it: who asks loses its connection, and hears that it cannot be reached.
 */
export function dialAnew(create: CreateAutoNat): CreateAutoNat {
  return (components) => {
    const { connectionManager } = components
    const openConnection: AutoNATComponents['connectionManager']['openConnection'] = (
      target,
      options,
    ) =>
      // A list of addresses is how it gets to know peers, for which any connection will do.
      connectionManager.openConnection(target, { ...options, force: !Array.isArray(target) })
    return create(
      withParts(components, {
        connectionManager: withParts(connectionManager, { openConnection }),
      }),
    )
  }
}

/** Everything of `whole` but for some parts. No copy: what the stack hands to its services has no fields to copy. */
function withParts<T extends object>(whole: T, parts: Partial<T>): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `whole` stands behind what is not in `parts`
  return Object.create(whole, Object.getOwnPropertyDescriptors(parts)) as T
}
