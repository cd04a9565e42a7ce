import type { Address } from '@vudo/transport'

/** What a first look at the log should tell: how far this node reaches, and what would take it further. */
export function reachText({
  addresses,
  hasDiscovery,
  isPublic,
}: {
  readonly addresses: readonly Address[]
  readonly hasDiscovery: boolean
  readonly isPublic: boolean
}): string {
  if (addresses.length === 0) return 'started; nobody can dial this node'
  const others = hasDiscovery ? 'the local network and known addresses' : 'known addresses'
  const openness = isPublic ? ' The database is open to whoever knows its id.' : ''
  return (
    `started at ${addresses.join(', ')}; reaches ${others}.${openness} ` +
    'Name a peer with bootstrapNodes, or another transport with transports, to reach further.'
  )
}
