/** What Willow offers to people who never read its specification. */
import type { EventHub } from '@vudo/events'
import type { AccessMode, CapabilityStore, McCapability, Path, Revocations } from '@vudo/meadowcap'
import type { WillowStore } from '../store/store.ts'
import type { KnownDevice } from './device-book.ts'
import type { ErasureReceipt } from './receipt.ts'
import type { IdLike, PathLike } from './text-forms.ts'

/** What is known about an entry without reading it. */
export interface EntryInfo {
  /** 64 characters of hex. */
  readonly namespace: string
  /** Whose subspace: the user's key, 64 characters of hex. */
  readonly subspace: string
  /** Can be given to every call that takes a path; as a text it is `/patients/p-118`. */
  readonly path: Path
  /** Its length. */
  readonly bytes: bigint
  /** Whether all bytes are on this device. */
  readonly isComplete: boolean
  /** When it was written, in milliseconds since 1970, by the clock of who wrote it. */
  readonly writtenAtMs: number
}

/** How a namespace is opened. */
export interface NamespaceOptions {
  /**
   * Who may read it: every member of the database whose peers sync with this device, or only
   * who was granted it. The first opening decides.
   *
   * @defaultValue `'members'` in a communal namespace, `'granted'` in an owned one
   */
  readonly readers?: 'members' | 'granted' | undefined
}

/** What {@link Willow.grant} takes. */
export interface GrantInit {
  /** @defaultValue the one that is open, when it is the only one */
  readonly namespace?: IdLike | undefined
  /** @defaultValue as it is held: this user's own in a communal namespace, every one in an owned one */
  readonly subspace?: IdLike | undefined
  /** The key of who is to have it: her `willow().userId`. */
  readonly to: IdLike
  /** Reading and writing are two capabilities. */
  readonly access: AccessMode
  /**
   * From here down.
   *
   * @defaultValue all that is held
   */
  readonly path?: PathLike | undefined
  /**
   * Entries with a later time are refused. The writer says the time: a holder can go on writing
   * entries dated before the end, and reading what is dated before. Revoke to refuse her here.
   *
   * @defaultValue as that of the capability it is made from
   */
  readonly expiresAt?: Date | undefined
  /**
   * What is handed on.
   *
   * @defaultValue the best one of this user that grants all of it
   */
  readonly from?: McCapability | undefined
}

/** What {@link Willow.list} takes. */
export interface ListOptions {
  /** @defaultValue the one that is open, when it is the only one */
  readonly namespace?: IdLike | undefined
  /** @defaultValue every one */
  readonly subspace?: IdLike | undefined
  /** @defaultValue all */
  readonly limit?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What {@link Willow.erase} takes. */
export interface EraseOptions {
  /** @defaultValue the one that is open, when it is the only one */
  readonly namespace?: IdLike | undefined
  /** @defaultValue this user's own in a communal namespace; in an owned one every one that has entries there */
  readonly subspace?: IdLike | undefined
  /** Why, at most `MAX_REASON_CHARACTERS`. It outlives what is erased: no personal data. It stays on this device. */
  readonly reason: string
  /** @defaultValue the best one of this user that grants it */
  readonly capability?: McCapability | undefined
}

/** What Willow tells, by name. */
export interface WillowEvents {
  /** An entry came in, written here or brought by a sync. */
  'entry:written': EntryInfo & { readonly isOwn: boolean }
  /** An entry was erased or replaced by a newer one. */
  'entry:erased': { readonly namespace: string; readonly subspace: string; readonly path: Path }
  /** More of an entry's bytes are here; `isComplete` says whether that is all. */
  'payload:changed': EntryInfo
  /** The device is metered, and the bytes of this entry wait until somebody calls `requestPayload`. */
  'payload:deferred': Pick<EntryInfo, 'namespace' | 'subspace' | 'path' | 'bytes'>
  /**
   * An entry is dated far ahead of this device's clock. It was taken, and nothing with an
   * honest date replaces it until then: one of the two clocks is wrong, or somebody wants that.
   */
  'clock:ahead': EntryInfo & { readonly aheadMs: number }
  /** A known device has confirmed erasures. */
  'erasure:confirmed': { readonly namespace: string; readonly device: string }
  /** Something failed that nobody waits for. */
  warning: { readonly message: string }
}

/** Entries with rights and erasure. Made by `openWillow`; in an application by `createP2P({ willow: true })`. */
export interface Willow extends AsyncDisposable {
  /** This user's key, 64 characters of hex: what others grant to, and the name of her subspace. */
  readonly userId: string
  readonly events: EventHub<WillowEvents>
  /** Ids of the namespaces that are open, in the order of opening. */
  readonly namespaces: readonly string[]
  /** What this user may do, as far as others granted it. */
  readonly capabilities: CapabilityStore
  /** What {@link Willow.revoke} was told. */
  readonly revoked: Revocations

  /**
   * Opens the namespace that belongs to a name, such as `myapp.v1`: the same for everybody who
   * uses the name, and everybody has a subspace of her own in it.
   *
   * @returns Its id.
   * @throws `RangeError` when the name is empty or longer than 256 characters.
   */
  mapNamespace(name: string, options?: NamespaceOptions): Promise<string>
  /**
   * Makes a namespace that belongs to this user: only who has a capability from her can write
   * in it. Its own key is used once, for her, and then forgotten: what may be done in it hangs on
   * her key, which is to be kept.
   *
   * @returns Its id.
   */
  createNamespace(options?: NamespaceOptions): Promise<string>
  /** Opens a namespace by its id. Idempotent. */
  openNamespace(id: IdLike, options?: NamespaceOptions): Promise<string>

  /**
   * Hands on what this user may do, or less of it.
   *
   * @throws `WillowError` `ERR_CAPABILITY_MISSING` when she holds nothing that includes it.
   * @throws `MeadowcapError` `ERR_CAPABILITY_WIDENED` when `from` does not include it.
   */
  grant(init: GrantInit): Promise<McCapability>
  /** A capability as one word, for its receiver. */
  exportCapability(capability: McCapability): string
  /**
   * Takes a capability that somebody granted, and keeps it. Its namespace is opened.
   *
   * @throws `WillowError` `ERR_CAPABILITY_TEXT`; `MeadowcapError` `ERR_CAPABILITY_INVALID`, or
   *   `ERR_CAPABILITY_RECEIVER` when it is granted to somebody else.
   */
  importCapability(text: string): Promise<McCapability>

  /**
   * Makes this device refuse a capability and all that was handed on from it, or all that a key
   * holds or ever handed on. Nobody else is told: others go on accepting, and until they do the
   * same, devices hold different entries. Let capabilities expire where that will do.
   *
   * @returns What {@link Willow.restore} takes.
   * @throws `MeadowcapError` `ERR_CAPABILITY_LIMIT` when 4,096 are revoked.
   */
  revoke(what: McCapability | IdLike): Promise<string>
  /** Takes a revocation back. Tells whether there was one. */
  restore(entry: string): Promise<boolean>

  /**
   * Writes an entry; it replaces what is at its place. Settles when it is on the disk.
   *
   * @param capability - Of this user; when it is left out, the best one she has.
   * @throws `WillowError` `ERR_CAPABILITY_MISSING` when she has none that allows it,
   *   `ERR_WRITE_WOULD_ERASE` when there are entries below the path, which a write would erase,
   *   `ERR_ENTRY_OBSOLETE` when something dated later is there or above, `ERR_WRITE_REFUSED`.
   * @throws `MeadowcapError` `ERR_WRITE_DENIED` when the capability does not allow it.
   * @throws `RangeError` for no bytes at all, which would erase: see {@link Willow.erase}.
   */
  writeEntry(
    namespace: IdLike,
    subspace: IdLike,
    path: PathLike,
    data: Uint8Array,
    capability?: McCapability,
  ): Promise<EntryInfo>
  /**
   * The bytes at a place; `undefined` when nothing is there, or it was erased.
   *
   * @throws `WillowError` `ERR_PAYLOAD_PENDING` when not all bytes are here yet,
   *   `ERR_PAYLOAD_LARGE` above `MAX_READ_BYTES`: see `store(namespace).readPayload`.
   */
  readEntry(namespace: IdLike, subspace: IdLike, path: PathLike): Promise<Uint8Array | undefined>
  /** What is at a path and below it, in the order of subspaces and paths. What was erased does not come. */
  list(prefix?: PathLike, options?: ListOptions): AsyncIterable<EntryInfo>

  /**
   * Erases what is at a path and below it: here at once, keys and bytes included, on others
   * when they next sync. Nobody can make a modified or stolen device erase.
   *
   * @throws `WillowError` `ERR_ERASE_IMPOSSIBLE`, `ERR_CAPABILITY_MISSING`.
   * @throws `RangeError` when the reason is empty or too long.
   */
  erase(path: PathLike, options: EraseOptions): Promise<ErasureReceipt>
  /** The receipts of what was erased here, the oldest first; also of earlier starts. */
  erasures(namespace?: IdLike): readonly ErasureReceipt[]
  /** The devices that have synced a namespace with this one; at most `MAX_KNOWN_DEVICES`. */
  devices(namespace?: IdLike): readonly KnownDevice[]
  /** Forgets a device that will not come back, listed or not: receipts do not wait for it any more. Tells whether it was known. */
  forgetDevice(device: string, namespace?: IdLike): Promise<boolean>

  /** Whether this device is metered: large payloads wait until somebody asks for them. May be set at any time. */
  isMetered: boolean
  /** Ask for an entry's bytes now, before all others. Tells whether the entry is here and its bytes are not. */
  requestPayload(namespace: IdLike, subspace: IdLike, path: PathLike): Promise<boolean>

  /** What is below, for those who want all of it. */
  store(namespace: IdLike): WillowStore
  /** Ends syncing, completes what was begun and frees everything. Idempotent. */
  close(): Promise<void>
}
