import { concatBytes } from '@vudo/wire'
import type { Asking } from './asking.ts'
import { blobHashesOf, isBlobHash, mayNameBlobs } from './blob-values.ts'
import { digestOf } from './document-heads.ts'
import { documentIdToUrl } from './document-id.ts'
import type { DocumentState } from './document-state.ts'
import { MAX_BLOBS_PER_DOCUMENT } from './limits.ts'
import type { Replica } from './replica.ts'
import { blobsKey, encodeBlobs, type StoredBlobs, type StoredIndex } from './stored-keys.ts'
import type { BlobReferences } from './sync-types.ts'

/**
 * Which blobs the documents on this device name: all documents with bytes here, deleted ones
 * that can be restored and earlier epochs among them.
 *
 * What a document named is stored beside it, together with a digest of the heads at
 * which that was true; so a document is looked into again only when it has changed,
 * and opened only when its history writes the key of a reference at all. Nobody pays
 * for it before {@link look} is called for the first time; from then on documents that
 * have changed are looked into after each write.
 *
 * That the last reference to a blob went is told when every changed document was looked
 * into and all of it is durable: else a power cut could bring back a document whose blob is gone.
 */
export class BlobBook {
  readonly #replica: Replica
  readonly #blobsById: Map<string, StoredBlobs>
  /** How many documents name a blob. */
  readonly #counts = new Map<string, number>()
  /** Documents that are to be looked into, once somebody has asked. */
  #stale: Set<string> | undefined
  readonly #waiting: (() => void)[] = []
  /** Blobs whose last reference went, and nobody was told yet. */
  readonly #lost = new Set<string>()
  #isReading = false
  #isAdvancing = false

  constructor(replica: Replica, index: StoredIndex) {
    this.#replica = replica
    this.#blobsById = new Map(index.blobs)
    for (const { hashes } of this.#blobsById.values()) this.#count(hashes, 1)
  }

  /** Runs `task` when all that the documents name is known. */
  look(task: () => void): void {
    if (!this.#stale) {
      this.#stale = new Set(this.#blobsById.keys())
      for (const { id } of this.#replica.documents()) this.#stale.add(id)
    }
    this.#waiting.push(task)
    this.#advance()
  }

  /** Tells whether a document is known to name a blob; to be asked in a task of {@link look}. */
  has(hash: string): boolean {
    return this.#counts.has(hash)
  }

  /** What each document names; to be asked in a task of {@link look}. */
  get blobsById(): ReadonlyMap<string, StoredBlobs> {
    return this.#blobsById
  }

  documentChanged({ id }: DocumentState): void {
    this.#stale?.add(id)
  }

  /** Its bytes go from this device. */
  documentRemoved({ id }: DocumentState): void {
    this.#stale?.delete(id)
    this.#replace(id, undefined)
  }

  /** What was changed is durable. */
  persisted(): void {
    if (this.#stale) this.#advance()
  }

  /** Looks into one document after the other. A loop and no recursion: those that are open answer at once. */
  #advance(): void {
    if (this.#isAdvancing || this.#isReading) return
    this.#isAdvancing = true
    for (let state = this.#nextStale(); state; state = this.#nextStale()) {
      this.#isReading = true
      this.#read(state, () => {
        this.#isReading = false
        this.#advance()
      })
      if (this.#isReading) break
    }
    this.#isAdvancing = false
    if (!this.#isReading) this.#finish()
  }

  #nextStale(): DocumentState | undefined {
    for (const id of this.#stale ?? []) {
      this.#stale?.delete(id)
      const state = this.#replica.knownDocument(id)
      if (!state || state.heads.length === 0) this.#replace(id, undefined)
      else if (this.#blobsById.get(id)?.digest !== digestOf(state.heads)) return state
    }
    return undefined
  }

  #read(state: DocumentState, onRead: () => void): void {
    const isClosed = !state.doc && !state.isDirty && !state.isHeld && state.stored.chunkCount > 0
    // While it is being written the store shows what it was before.
    if (!isClosed || !state.isDurable) return this.#open(state, onRead)
    const { heads } = state
    this.#replica.withStored(state, ({ chunks }) => {
      const isSame = state.heads === heads && !state.isDirty
      if (!isSame || mayNameBlobs(concatBytes(...chunks))) return this.#open(state, onRead)
      this.#replace(state.id, { digest: digestOf(heads), hashes: [], isCut: false })
      onRead()
    })
  }

  #open(state: DocumentState, onRead: () => void): void {
    this.#replica.withDocument(state, () => {
      const named = blobHashesOf(state.open)
      const hashes = [...named].slice(0, MAX_BLOBS_PER_DOCUMENT)
      const isCut = named.size > hashes.length
      this.#replace(state.id, { digest: digestOf(state.heads), hashes, isCut })
      onRead()
    })
  }

  #replace(id: string, blobs: StoredBlobs | undefined): void {
    const former = this.#blobsById.get(id)
    if (blobs) this.#blobsById.set(id, blobs)
    else if (!this.#blobsById.delete(id)) return
    // New ones first: what is in both is not lost for a moment.
    this.#count(blobs?.hashes ?? [], 1)
    this.#count(former?.hashes ?? [], -1)
    const key = blobsKey(id)
    this.#replica.writeSometime(
      blobs ? { type: 'put', key, value: encodeBlobs(blobs) } : { type: 'delete', key },
    )
  }

  #count(hashes: readonly string[], by: number): void {
    for (const hash of hashes) {
      const count = (this.#counts.get(hash) ?? 0) + by
      if (count > 0) this.#counts.set(hash, count)
      else if (this.#counts.delete(hash)) this.#lost.add(hash)
    }
  }

  #finish(): void {
    for (const task of this.#waiting.splice(0)) task()
    if (this.#lost.size === 0 || !this.#stale) return
    const lost = [...this.#lost]
    this.#lost.clear()
    this.#replica.whenDurableSometime(() => this.#tell(lost))
  }

  #tell(lost: readonly string[]): void {
    // A changed document may name it: it is looked into first.
    if ((this.#stale?.size ?? 0) > 0 || this.#isReading) {
      for (const hash of lost) this.#lost.add(hash)
      return this.#advance()
    }
    // Nobody knows what a document names that names more than is remembered.
    if ([...this.#blobsById.values()].some(({ isCut }) => isCut)) return
    for (const hash of lost) {
      if (!this.has(hash)) this.#replica.emit({ type: 'blob:unreferenced', hash })
    }
  }
}

/** What the documents name, as soon as that is known. */
export function askForBlobs(asking: Asking): Promise<BlobReferences> {
  return asking.answered<BlobReferences>((replica, resolve) => {
    replica.assertWorking()
    replica.blobs.look(() => resolve(blobReferencesOf(replica)))
  })
}

/**
 * Tells whether any document names a blob.
 *
 * @throws `RangeError` for a text that is no hash.
 */
export function askForBlob(asking: Asking, hash: string): Promise<boolean> {
  if (!isBlobHash(hash)) {
    throw new RangeError('a blob is named by 64 characters of hex in lower case')
  }
  return asking.answered<boolean>((replica, resolve) => {
    replica.assertWorking()
    lookForBlob(replica, hash, resolve)
  })
}

/** What the documents name, for the application; to be asked in a task of `look`. */
export function blobReferencesOf({ blobs }: Replica): BlobReferences {
  const documentsByHash = new Map<string, string[]>()
  const incomplete: string[] = []
  for (const [id, { hashes, isCut }] of blobs.blobsById) {
    if (hashes.length === 0) continue
    const url = documentIdToUrl(id)
    if (isCut) incomplete.push(url)
    for (const hash of hashes) {
      const urls = documentsByHash.get(hash)
      if (urls) urls.push(url)
      else documentsByHash.set(hash, [url])
    }
  }
  return { documentsByHash, incomplete }
}

/**
 * Tells whether any document on this device names a blob. Opens those that name more
 * than is remembered.
 */
export function lookForBlob(
  replica: Replica,
  hash: string,
  task: (isNamed: boolean) => void,
): void {
  replica.blobs.look(() => {
    if (replica.blobs.has(hash)) return task(true)
    const cut = [...replica.blobs.blobsById].flatMap(([id, { isCut }]) => (isCut ? [id] : []))
    searchIn(replica, cut, { hash, task })
  })
}

function searchIn(
  replica: Replica,
  ids: readonly string[],
  search: { readonly hash: string; readonly task: (isNamed: boolean) => void },
): void {
  const [id, ...others] = ids
  const state = id === undefined ? undefined : replica.knownDocument(id)
  if (id === undefined) return search.task(false)
  if (!state) return searchIn(replica, others, search)
  replica.withDocument(state, () => {
    if (blobHashesOf(state.open).has(search.hash)) search.task(true)
    else searchIn(replica, others, search)
  })
}
