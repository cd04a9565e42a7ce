/** Where everything of Willow lies: which view of the storage, which folder. */
import path from 'node:path'
import type { EventHub } from '@vudo/events'
import type { Verifier } from '@vudo/meadowcap'
import { openMemoryStore, type StoreView } from '@vudo/storage'
import { bytesToHex } from '@vudo/wire'
import { openErasureLog } from '../erasure/erasure-log.ts'
import { openPayloadVault } from '../payloads/payload-vault.ts'
import { openMemoryWillowStore } from '../store/memory-store.ts'
import { openPersistentWillowStore } from '../store/persistent-store.ts'
import type { WillowStore } from '../store/store.ts'
import { createPooledVerifier } from '../verify/pooled-verifier.ts'
import { openDeviceBook } from './device-book.ts'
import { isWaitedFor } from './receipt.ts'
import { refuseFuture, type FuturePolicy } from './future.ts'
import { OpenNamespace, type OpenNamespaceInit } from './open-namespace.ts'
import { openRevocationBook, type RevocationBook } from './revocation-book.ts'
import type { Sharing } from './sharing.ts'
import type { WillowEvents } from './willow.ts'

/** Where Willow keeps what it must still know after a restart. */
export interface WillowStorage {
  /** A view for Willow alone. The storage stays the caller's, open until Willow is closed. */
  readonly view: StoreView
  /** Path of a folder for the entries' bytes alone, not inside of the storage's; made when it is missing. */
  readonly payloadDirectory: string
}

/** What decides about entries that come in. */
export interface PlacesInit {
  readonly future: FuturePolicy
  readonly refusesFuture: boolean
}

/** Who uses a namespace. */
export interface NamespaceUser {
  readonly userId: string
  readonly events: EventHub<WillowEvents>
  /** Keeps a store in step with peers; `undefined` without a network. */
  readonly share: ((store: WillowStore) => Sharing) | undefined
  /** Signs a tombstone. */
  readonly tombstone: OpenNamespaceInit['tombstone']
}

/** The places of one Willow. */
export interface Places {
  /** For the capabilities. */
  readonly view: StoreView
  readonly revocations: RevocationBook
  /** Knows the revocations. */
  readonly verifier: Verifier
  /** Opens a namespace; each at most once at a time. */
  open(namespaceId: Uint8Array, user: NamespaceUser): Promise<OpenNamespace>
  /** Frees what was opened here; not the namespaces, and not a storage that was given. */
  close(): Promise<void>
}

/** Opens the places, in memory when no storage is given. */
export async function openPlaces(
  storage: WillowStorage | undefined,
  { future, refusesFuture }: PlacesInit,
): Promise<Places> {
  const memory = storage ? undefined : await openMemoryStore()
  const view = storage?.view ?? memory!
  const revocations = await openRevocationBook(view.sub('revocations'))
  const checks = createPooledVerifier({ revocations: revocations.list })
  const verifier = refusesFuture ? refuseFuture(checks, future) : checks
  const openStore = async (namespaceId: Uint8Array): Promise<WillowStore> => {
    if (!storage) return openMemoryWillowStore({ namespaceId, verifier })
    const name = bytesToHex(namespaceId)
    const payloads = await openPayloadVault({
      directory: path.join(storage.payloadDirectory, name),
    })
    return openPersistentWillowStore({
      namespaceId,
      verifier,
      payloads,
      storage: view.sub('entries').sub(name),
    })
  }
  return {
    view: view.sub('capabilities'),
    revocations,
    verifier: checks,
    async open(namespaceId, user) {
      const name = bytesToHex(namespaceId)
      const log = await openErasureLog(view.sub('erasures').sub(name))
      const deviceBook = await openDeviceBook(view.sub('devices').sub(name), (device) =>
        isWaitedFor(device, log.records),
      )
      const store = await openStore(namespaceId)
      return new OpenNamespace({ ...user, store, log, deviceBook, future })
    },
    async close() {
      await memory?.close()
    },
  }
}
