import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import envPaths from 'env-paths'
import {
  createAuthorKey,
  createDatabaseSecret,
  createNodeKey,
  encodeTicket,
  hkdfSha256,
  randomBytes,
  type AuthorKey,
  type NodeKey,
  type Ticket,
} from '@vudo/identity'
import { readOrCreateAuthorKeyFile, readOrCreateKeyFile } from '@vudo/identity/key-file'
import { openMemoryStore, openStore, STORE_KEY_BYTES, type Store } from '@vudo/storage'
import { bytesToHex } from '@vudo/wire'
import type { P2PSettings } from './settings.ts'
import { readTicketFile, writeTicketFile } from './ticket-file.ts'
import { viewName } from './view-name.ts'

/** What a node keeps from one start to the next. */
export interface Belongings {
  readonly key: NodeKey
  readonly author: AuthorKey
  /** The database that this node takes part in. Holds a secret. */
  readonly ticket: Ticket
  /** Where the ticket went that this one took the place of; `undefined` when none had to. */
  readonly replacedTicketFile: string | undefined
  readonly store: Store
}

/**
 * Opens the data directory, and makes what is missing: keys, a private database,
 * the store. Nothing here touches the network.
 *
 * @throws `StoreError` `ERR_STORE_LOCKED`, `ERR_STORE_UNREADABLE`, `ERR_STORE_DAMAGED`,
 *   `ERR_STORE_ENCRYPTED`, `ERR_STORE_NOT_ENCRYPTED`, `ERR_STORE_KEY_WRONG`;
 *   `IdentityError` `ERR_KEY_FILE_UNREADABLE`, `ERR_KEY_FILE_INVALID`, `ERR_KEY_FILE_EXPOSED`,
 *   `ERR_KEY_FILE_UNWRITABLE`; `P2PError` `ERR_TICKET_FILE_UNREADABLE`, `ERR_TICKET_FILE_INVALID`,
 *   `ERR_TICKET_FILE_EXPOSED`, `ERR_TICKET_FILE_UNWRITABLE`.
 */
export async function openBelongings(settings: P2PSettings): Promise<Belongings> {
  if (settings.storage === 'memory') {
    const ticket = settings.database ?? createTicket()
    return {
      key: createNodeKey(),
      author: createAuthorKey(),
      ticket,
      replacedTicketFile: undefined,
      store: await openMemoryStore(),
    }
  }
  const home = dataDirectory(settings)
  const store = await openStoreIn(home, settings.encryptionAtRest)
  try {
    return {
      key: await readOrCreateKeyFile(path.join(home, 'node.key')),
      author: await readOrCreateAuthorKeyFile(path.join(home, 'author.key')),
      ...(await readOrCreateTicket(path.join(home, 'ticket'), settings.database)),
      store,
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openStoreIn(home: string, chosen: P2PSettings['encryptionAtRest']): Promise<Store> {
  const encryption = await storeEncryption(home, chosen)
  try {
    return await openStore({ directory: path.join(home, 'store'), encryption })
  } finally {
    encryption?.key.fill(0)
  }
}

/** The key of a store in a buffer of its own, to be overwritten; `undefined` when it is not encrypted. */
async function storeEncryption(
  home: string,
  chosen: P2PSettings['encryptionAtRest'],
): Promise<{ readonly key: Uint8Array } | undefined> {
  if (chosen === false) return undefined
  if (chosen !== true) return { key: new Uint8Array(chosen) }
  await mkdir(home, { recursive: true, mode: 0o700 })
  return { key: storeKeyOf(await readOrCreateKeyFile(path.join(home, 'node.key'))) }
}

const storeKeyInfo = new TextEncoder().encode('vudo/store/node-key/1')

/**
 * The key of the store of a node that was made with `encryptionAtRest: true`, for `copyStore`
 * and `changeStoreKey`: HKDF-SHA-256 of the node's seed, 32 bytes in a new buffer.
 */
export function storeKeyOf(key: NodeKey): Uint8Array {
  return hkdfSha256(key.seed, { info: storeKeyInfo, length: STORE_KEY_BYTES })
}

/** Where the belongings lie: what the caller chose, else the platform's place for the application's data. */
export function dataDirectory({ dataDir, app }: Pick<P2PSettings, 'dataDir' | 'app'>): string {
  return path.resolve(dataDir ?? defaultDataDirectory(app))
}

/** Where the data of an application lies when nothing else is said. */
export function defaultDataDirectory(app: string): string {
  return envPaths(app, { suffix: '' }).data
}

/**
 * The ticket of the last start, unless the caller names a database. The ticket that gives
 * way stays beside it under a name of its own: nobody else may have its secret.
 */
async function readOrCreateTicket(
  file: string,
  chosen: Ticket | undefined,
): Promise<Pick<Belongings, 'ticket' | 'replacedTicketFile'>> {
  const kept = await readTicketFile(file)
  const ticket = chosen ?? kept ?? createTicket()
  if (kept && encodeTicket(kept) === encodeTicket(ticket)) {
    return { ticket, replacedTicketFile: undefined }
  }
  const place = kept && `${file}-${viewName(kept)}`
  if (kept && place !== undefined) await writeTicketFile(place, kept)
  await writeTicketFile(file, ticket)
  // Another ticket of the same database takes nothing away.
  const isOther = kept && viewName(kept) !== viewName(ticket)
  return { ticket, replacedTicketFile: isOther ? place : undefined }
}

/** A new private database: a random id, and the secret that makes it private. */
function createTicket(): Ticket {
  return { databaseId: bytesToHex(randomBytes(16)), secret: createDatabaseSecret(), peers: [] }
}
