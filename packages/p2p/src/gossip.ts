/** Gossip, which is loaded when a node asks for it: a package that an application installs when it wants it. */
import type * as vudo from '@vudo/gossip'
import { NetworkError, type Network } from '@vudo/network'
import { documentIdToUrl, parseDocumentUrl, type Database, type Policy } from '@vudo/sync'
import type { Address, PeerId } from '@vudo/transport'
import type { Belongings } from './data-directory.ts'
import { P2PError } from './errors.ts'
import { GOSSIP_DIAL_TIMEOUT_MS } from './limits.ts'
import { isMissing } from './transports.ts'

/** Everything of gossip that is open between `initialize` and `stop`. */
export interface Gossiping {
  readonly gossip: vudo.Gossip
  readonly rooms: vudo.PresenceRooms
  readonly capabilities: vudo.CapabilityDirectory
  /** Says goodbye, then ends it. */
  close(): Promise<void>
}

/** What gossip runs on. */
export interface GossipSurroundings {
  readonly network: Network
  readonly database: Database
  readonly policy: Policy | undefined
  /** Loads the package. @defaultValue a literal import, which bundlers see */
  readonly load?: (() => Promise<GossipPackage>) | undefined
}

/** What is used of the package. */
type GossipPackage = Pick<
  typeof vudo,
  'createCapabilityDirectory' | 'createDocumentAnnouncer' | 'createGossip' | 'createPresence'
>

/**
 * Begins to gossip in the node's database.
 *
 * @throws `P2PError` `ERR_GOSSIP_MISSING` when the package is not installed.
 */
export async function openGossipOf(
  { key }: Pick<Belongings, 'key'>,
  surroundings: GossipSurroundings,
): Promise<Gossiping> {
  const { network, database, load = () => import('@vudo/gossip') } = surroundings
  const made = await loadGossip(load)
  const gossip = await made.createGossip({ network, key, database: database.id })
  const rooms = made.createPresence({ gossip, peerId: key.peerId })
  const capabilities = made.createCapabilityDirectory({ gossip })
  const stop = announceDocuments(made, gossip, surroundings)
  return {
    gossip,
    rooms,
    capabilities,
    close: async () => {
      stop()
      await Promise.all([rooms.close(), capabilities.close()])
      await gossip.close()
    },
  }
}

/** Tells others of changed documents, and pulls by a session what they tell of. */
function announceDocuments(
  { createDocumentAnnouncer }: GossipPackage,
  gossip: vudo.Gossip,
  { network, database }: GossipSurroundings,
): () => void {
  const end = new AbortController()
  const announcer = createDocumentAnnouncer({
    gossip,
    addresses: () => network.addresses,
    sessionOf: (peerId) => network.session(peerId),
    isConnected: (peerId) => network.session(peerId)?.databases.has(database.id) ?? false,
    hasHeads: (id, heads) => database.hasHeads(documentIdToUrl(id), heads),
    connect: (peerId, addresses) => connect(network, { peerId, addresses, signal: end.signal }),
  })
  const unlisten = database.events.on('document:changed', ({ documentId, origin }) => {
    const id = parseDocumentUrl(documentId)
    // Not the path of the event: a document that somebody gave a second name is governed by both.
    if (id === undefined || !database.mayAccess('', 'read', documentId)) return
    announcer.changed(id, database.headsOf(documentId), origin === 'local')
  })
  return () => {
    unlisten()
    end.abort()
    announcer.close()
  }
}

/** Gossip reaches every member, so only that may be said which somebody without any right may read. */
export function isForEveryMember(policy: Policy | undefined, path: string): boolean {
  return policy?.('', 'read', path) ?? true
}

/** Every address that the peer is said to have, then whatever the network knows of it. */
async function connect(
  network: Network,
  to: {
    readonly peerId: PeerId
    readonly addresses: readonly Address[]
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { peerId, addresses } = to
  const signal = AbortSignal.any([to.signal, AbortSignal.timeout(GOSSIP_DIAL_TIMEOUT_MS)])
  const failures: unknown[] = []
  for (const target of [...addresses, peerId]) {
    try {
      await network.connectPeer(target, { expected: peerId, signal })
      return
    } catch (error) {
      signal.throwIfAborted()
      failures.push(error)
    }
  }
  throw new NetworkError('ERR_PEER_NOT_CONNECTED', `no way led to peer ${peerId}`, {
    cause: new AggregateError(failures),
  })
}

async function loadGossip(load: () => Promise<GossipPackage>): Promise<GossipPackage> {
  try {
    return await load()
  } catch (cause) {
    if (!isMissing(cause, '@vudo/gossip')) throw cause
    throw new P2PError('ERR_GOSSIP_MISSING', 'the package @vudo/gossip is not installed', {
      cause,
      hint: 'npm i @vudo/gossip',
    })
  }
}
