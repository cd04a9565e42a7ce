import { hkdfSha256 } from '@vudo/identity'
import {
  fullArea,
  isCommunalNamespace,
  type RevocationList,
  type Signer,
  type Verifier,
} from '@vudo/meadowcap'
import type { Network } from '@vudo/network'
import { concatBytes } from '@vudo/wire'
import type { WillowStore } from '../store/store.ts'
import { createWillowSync, willowDatabaseId, type WillowSync } from '../sync/willow-sync.ts'
import type { Rights } from './rights.ts'
import type { NamespaceOptions } from './willow.ts'

/** How peers are reached, and how much they may cost. */
export interface SharingOptions {
  /** How peers are reached. It stays the caller's. */
  readonly network: Network
  /**
   * 32 bytes that the devices share which may sync at all: others cannot even ask.
   *
   * @defaultValue none: whoever knows a namespace's id may ask for what readers may read
   */
  readonly secret?: Uint8Array | undefined
  /**
   * Whether payloads above `deferAboveBytes` wait until somebody asks for them.
   *
   * @defaultValue false
   */
  readonly metered?: boolean | undefined
  /**
   * Bytes of a payload up to which it comes on a metered device, too.
   *
   * @defaultValue 65,536
   */
  readonly deferAboveBytes?: number | undefined
  /**
   * Payload bytes per second that one peer is sent.
   *
   * @defaultValue as fast as it takes them
   */
  readonly bytesPerSecond?: number | undefined
}

/** What decides who may read here. */
export interface SharingContext {
  readonly rights: Rights
  readonly userKey: Signer
  readonly verifier: Verifier
  readonly revocations: RevocationList
  readonly nowMs: () => number
  readonly isMetered: boolean
  readonly readers: NamespaceOptions['readers']
  /** Told what fails while nobody waits. */
  readonly onWarning: (message: string) => void
}

/** A namespace that is kept in step with peers. */
export interface Sharing {
  readonly sync: WillowSync
  close(): Promise<void>
}

const secretInfo = new TextEncoder().encode('vudo/willow-namespace/1')

/** Joins the database of a namespace, and syncs its store with whoever else does. */
export function shareNamespace(
  store: WillowStore,
  options: SharingOptions,
  context: SharingContext,
): Sharing {
  const { network, secret, deferAboveBytes, bytesPerSecond } = options
  const { rights, userKey, verifier, revocations, nowMs, isMetered, readers, onWarning } = context
  const { namespaceId } = store
  const mayMembers =
    readers === undefined ? isCommunalNamespace(namespaceId) : readers === 'members'
  const sync = createWillowSync({
    network,
    store,
    verifier,
    deferAboveBytes,
    bytesPerSecond,
    capabilities: () => rights.all(namespaceId, 'read'),
    signers: [userKey],
    openArea: mayMembers ? fullArea : undefined,
    isRevoked: (capability) => revocations.isRevoked(capability),
    metered: isMetered,
    now: nowMs,
  })
  const id = willowDatabaseId(namespaceId)
  // Each database has a secret of its own: two with the same one could not be told apart by peers.
  const own = secret && namespaceSecret(secret, namespaceId)
  // Not waited for: it settles when the network has started, and everything works before.
  network.join({ id, secret: own }).catch((error: unknown) => {
    onWarning(`namespace ${id} could not be announced: ${String(error)}`)
  })
  return {
    sync,
    async close() {
      await sync.close()
      // A network that has stopped has left everything.
      await network.leave(id).catch(() => {})
    },
  }
}

/** The secret of a namespace's database: see docs/wire-formats/willow-facade.md. */
export function namespaceSecret(secret: Uint8Array, namespaceId: Uint8Array): Uint8Array {
  return hkdfSha256(secret, { info: concatBytes(secretInfo, namespaceId), length: 32 })
}
