/**
 * Which of the addresses that a neighbour names are dialled. What it says of itself is: it has
 * proven its key and its membership. Of others it could name any machine, also one inside the
 * network of whoever believes it; so private addresses of third peers count only when they come
 * over a connection of that network.
 */
import { publicPart, type Session } from '@vudo/network'
import type { Address } from '@vudo/transport'
import type { OverlayEntry, OverlayMessage } from './membership/wire.ts'

/**
 * Tells whether a session reaches its peer over a private network.
 *
 * @param own - Addresses of this node. Some transports do not say from where a peer dialled;
 *   it comes from the private network when this node can be reached from nowhere else.
 */
export function isLocal({ path }: Session, own: readonly Address[]): boolean {
  if (path === undefined || path.relayed) return false
  if (path.address !== undefined) return publicPart(path.address) === undefined
  return own.every((address) => publicPart(address) === undefined)
}

/** The message without the addresses that its sender is not believed. */
export function trustedPart(message: OverlayMessage, isSenderLocal: boolean): OverlayMessage {
  if (isSenderLocal) return message
  switch (message.type) {
    case 'forward-join':
      return { ...message, entry: publicEntry(message.entry) }
    case 'shuffle':
    case 'shuffle-answer':
      return { ...message, entries: message.entries.map(publicEntry) }
    default:
      return message
  }
}

function publicEntry({ peerId, addresses }: OverlayEntry): OverlayEntry {
  return { peerId, addresses: addresses.flatMap((address) => publicPart(address) ?? []) }
}
