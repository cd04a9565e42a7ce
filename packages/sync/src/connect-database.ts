import type { EventHub } from '@vudo/events'
import type { AbortOptions, PeerId } from '@vudo/transport'
import { parsePrefix } from './catalogue-entry.ts'
import { followChanges } from './change-stream.ts'
import { closedError, LinkClient } from './link-client.ts'
import type { ClientMessage, ServerMessage } from './link-messages.ts'
import { createLinkPort, type MessageEnd } from './link-port.ts'
import { forwardedCalls, type ForwardedCall } from './linked-calls.ts'
import { onlyInWorker } from './only-in-worker.ts'
import type { OperationsOptions, OperationsReport, SyncOperation } from './operations.ts'
import { isUnder, parsePath } from './paths.ts'
import type {
  BlobReferences,
  CatalogueEntry,
  CompactOptions,
  Database,
  DatabaseEvents,
  DeletedEntry,
  DocumentChange,
  DocumentHandle,
  DocumentSyncStatus,
  EarlierEpoch,
  ImportReport,
  RemoveOptions,
  SyncedOptions,
  SyncStatus,
  SyncSummary,
} from './sync-types.ts'

/**
 * Works with a database that `serveDatabase` offers at the other end. Documents that are open
 * here are real Automerge documents of this thread: they are edited at once, and their changes
 * go to the worker. All else is asked there.
 *
 * `status` and `getSyncStatus` give what the worker told last. `documentStatus`, `mayAccess` and
 * `headsOf`, whose answer cannot be waited for, and `foreignSync` of a handle throw `SyncError`
 * `ERR_ONLY_IN_WORKER`. `broadcast` gives the number of connected peers. `close` ends the link
 * and leaves the database in the worker open.
 *
 * @param end - The other end of what `serveDatabase` was given; nobody else may use it.
 * @throws `SyncError` `ERR_WORKER_ENDED`, `ERR_DATABASE_CLOSED`; the signal's reason.
 */
export async function connectDatabase(
  end: MessageEnd,
  { signal }: AbortOptions = {},
): Promise<Database> {
  signal?.throwIfAborted()
  const client = new LinkClient(createLinkPort<ClientMessage, ServerMessage>(end))
  const onAbort = (): void => client.end(closedError())
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const { id } = await client.hello
    return new LinkedDatabase(id, client)
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

class LinkedDatabase implements Database {
  readonly id: string
  readonly events: EventHub<DatabaseEvents>
  readonly #client: LinkClient
  #closing: Promise<void> | undefined

  constructor(id: string, client: LinkClient) {
    this.id = id
    this.#client = client
    this.events = client.events
  }

  get status(): SyncStatus {
    const { state, ahead, behind, peers, pendingBytes } = this.#client.summary
    return { state, ahead, behind, peers, pendingBytes }
  }

  getSyncStatus(): SyncSummary {
    return { ...this.#client.summary }
  }

  documentStatus(_path: string): DocumentSyncStatus | undefined {
    throw onlyInWorker(
      'documentStatus',
      'storedBy and whenSynced of a handle are told here as well',
    )
  }

  mayAccess(): boolean {
    throw onlyInWorker('mayAccess', 'ask it where the policy is')
  }

  headsOf(_documentId: string): readonly string[] {
    throw onlyInWorker('headsOf', 'open the document: its handle has heads')
  }

  /** Asks the method of that name of the database in the worker. */
  async #ask<Name extends ForwardedCall>(
    name: Name,
    ...args: Parameters<Database[Name]>
  ): Promise<Awaited<ReturnType<Database[Name]>>> {
    const at: number | undefined = forwardedCalls[name]
    const sent: unknown[] = [...args]
    let signal: AbortSignal | undefined
    if (at !== undefined) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the table, options stand there
      const { signal: given, ...rest } = (sent[at] ?? {}) as AbortOptions
      signal = given
      sent[at] = rest
    }
    const answer = await this.#client.call(name, sent, { signal })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the server calls the method itself
    return answer as Awaited<ReturnType<Database[Name]>>
  }

  async open<T extends object>(
    path: string,
    initial?: T,
    { signal }: AbortOptions = {},
  ): Promise<DocumentHandle<T>> {
    const parsed = parsePath(path)
    const handle = await this.#client.open<T>('open', [parsed, { ...initial }], signal)
    if (handle) return handle
    throw new Error(`the worker has not opened ${parsed}`)
  }

  openById<T extends object>(
    documentId: string,
    { signal }: AbortOptions = {},
  ): Promise<DocumentHandle<T> | undefined> {
    return this.#client.open<T>('openById', [documentId], signal)
  }

  changes(prefix = '', options: AbortOptions = {}): AsyncIterable<DocumentChange> {
    const parsed = parsePrefix(prefix)
    return followChanges(this.events, ({ path }) => isUnder(path, parsed), options)
  }

  whenReady(): Promise<void> {
    return this.#ask('whenReady')
  }

  async readDoc<T extends object>(path: string): Promise<T | undefined> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape is the application's promise to itself
    return (await this.#ask('readDoc', path)) as T | undefined
  }

  writeDoc(path: string, value: unknown): Promise<void> {
    return this.#ask('writeDoc', path, value)
  }

  addOperations(
    operations: readonly SyncOperation[],
    options: OperationsOptions = {},
  ): Promise<OperationsReport> {
    return this.#ask('addOperations', operations, options)
  }

  syncWithPeer(peerId: PeerId, options: AbortOptions = {}): Promise<SyncStatus> {
    return this.#ask('syncWithPeer', peerId, options)
  }

  remove(path: string, options: RemoveOptions = {}): Promise<void> {
    return this.#ask('remove', path, options)
  }

  deleted(prefix = ''): Promise<readonly DeletedEntry[]> {
    return this.#ask('deleted', prefix)
  }

  restore(path: string): Promise<void> {
    return this.#ask('restore', path)
  }

  forget(path: string, options: RemoveOptions = {}): Promise<void> {
    return this.#ask('forget', path, options)
  }

  compact(path: string, options: CompactOptions): Promise<void> {
    return this.#ask('compact', path, options)
  }

  epochs(path: string): Promise<readonly EarlierEpoch[]> {
    return this.#ask('epochs', path)
  }

  exportSpace(prefix = ''): Promise<Uint8Array> {
    return this.#ask('exportSpace', prefix)
  }

  importSpace(bytes: Uint8Array): Promise<ImportReport> {
    return this.#ask('importSpace', bytes)
  }

  blobReferences(): Promise<BlobReferences> {
    return this.#ask('blobReferences')
  }

  isBlobReferenced(hash: string): Promise<boolean> {
    return this.#ask('isBlobReferenced', hash)
  }

  forgetPeer(peerId: PeerId): Promise<void> {
    return this.#ask('forgetPeer', peerId)
  }

  rename(from: string, to: string): Promise<void> {
    return this.#ask('rename', from, to)
  }

  admit(path: string, documentId: string): Promise<void> {
    return this.#ask('admit', path, documentId)
  }

  ls(prefix = ''): Promise<readonly CatalogueEntry[]> {
    return this.#ask('ls', prefix)
  }

  hasHeads(documentId: string, heads: readonly string[]): Promise<boolean> {
    return this.#ask('hasHeads', documentId, heads)
  }

  whenSynced(options: SyncedOptions = {}): Promise<SyncStatus> {
    return this.#ask('whenSynced', options)
  }

  syncWith(peerId: PeerId, path?: string, options: AbortOptions = {}): Promise<SyncStatus> {
    return this.#ask('syncWith', peerId, path, options)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // A store that failed, and a worker that has ended, were told to everybody who waits.
    await this.#client.saved().catch(() => {})
    this.#client.end(closedError())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
