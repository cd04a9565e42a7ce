import { isSame, writeDifference, type Database, type DocumentHandle } from '@vudo/sync'
// The tag has to reach the declarations, where only comments of this kind stay.
// oxlint-disable-next-line jsdoc/check-tag-names
/** @ts-ignore An optional peer: who compiles without it gets `any` here, and no error. */
import type { StateCreator, StoreApi, StoreMutatorIdentifier } from 'zustand/vanilla'
import { KeepsyncError } from './errors.ts'
import { INIT_TIMEOUT_MS, MAX_STATE_DEPTH } from './limits.ts'
import { trimPath } from './nodes.ts'
import { getSyncEngine, stopWithEngine, whenConfigured } from './sync-engine.ts'

/** What {@link sync} takes besides the state. */
export interface SyncOptions {
  /** The path of the document that holds the state. */
  readonly docId: string
  /** How long to wait for `configureSyncEngine`, in milliseconds. @defaultValue 30,000 */
  readonly initTimeout?: number | undefined
  /** Told when the document cannot be opened. @defaultValue it becomes an uncaught error */
  readonly onInitError?: ((error: unknown) => void) | undefined
}

/**
 * A middleware for zustand: the state is the content of a document, the same on all devices.
 *
 * What the store holds is written by difference, so devices that change different parts at
 * one time keep both; functions stay out of it, and so does `undefined`. A document that is
 * there wins over the initial state, except where the state was changed before it was open.
 * What the database refuses (`SyncError`) is thrown by the `set` that asked for it.
 *
 * @throws `KeepsyncError` `ERR_STATE_TOO_DEEP`, also from `set`.
 */
export function sync<
  State extends object,
  In extends [StoreMutatorIdentifier, unknown][] = [],
  Out extends [StoreMutatorIdentifier, unknown][] = [],
>(stateCreator: StateCreator<State, In, Out>, options: SyncOptions): StateCreator<State, In, Out> {
  return (set, get, api) => {
    const initial = stateCreator(set, get, api)
    const synced = new SyncedState<State>(api, initial, options.docId)
    whenConfigured(options.initTimeout ?? INIT_TIMEOUT_MS)
      .then((database) => synced.begin(database))
      .catch((error: unknown) => {
        if (options.onInitError) return options.onInitError(error)
        queueMicrotask(() => {
          throw error
        })
      })
    return initial
  }
}

type Data = Record<string, unknown>

/** One store of zustand and its document. */
class SyncedState<State extends object> {
  readonly #api: StoreApi<State>
  readonly #initial: Data
  readonly #path: string
  #handle: DocumentHandle<Data> | undefined
  /** True while the store is given what the document holds. */
  #isTaking = false

  constructor(api: StoreApi<State>, initial: State, docId: string) {
    this.#api = api
    this.#initial = toData(initial)
    this.#path = trimPath(docId)
  }

  async begin(database: Database): Promise<void> {
    const handle = await database.open<Data>(this.#path, this.#initial)
    // Another one may have taken its place meanwhile.
    if (getSyncEngine()?.database !== database) return handle.close()
    const offs = [handle.subscribe(() => this.#take()), this.#api.subscribe(() => this.#give())]
    this.#handle = handle
    stopWithEngine(async () => {
      this.#handle = undefined
      for (const off of offs) off()
      // A database that was closed has closed it.
      await handle.close().catch(() => {})
    })
    const changed = Object.entries(toData(this.#api.getState())).filter(
      ([key, value]) => !isSame(value, this.#initial[key]),
    )
    this.#take()
    if (changed.length === 0) return
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- these are values of the state itself
    this.#api.setState(Object.fromEntries(changed) as Partial<State>)
  }

  /** The document has changed: what is equal keeps its identity, so that nobody draws it anew. */
  #take(): void {
    if (!this.#handle) return
    const state: Data = Object.fromEntries(Object.entries(this.#api.getState()))
    const { current } = this.#handle
    for (const key of Object.keys(toData(state))) {
      if (!Object.hasOwn(current, key)) delete state[key]
    }
    for (const [key, value] of Object.entries(current)) {
      if (!isSame(state[key], value)) state[key] = value
    }
    this.#isTaking = true
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape is the application's promise to itself
      this.#api.setState(state as State, true)
    } finally {
      this.#isTaking = false
    }
  }

  /** The store has changed. */
  #give(): void {
    if (this.#isTaking || !this.#handle) return
    const data = toData(this.#api.getState())
    if (isSame(data, this.#handle.current)) return
    this.#handle.change((doc) => writeDifference(doc, doc, data))
  }
}

/** What of a state goes into a document: no functions, and nothing that is undefined. */
function toData(state: object): Data {
  return Object.fromEntries(
    Object.entries(state).flatMap(([key, value]) => {
      const kept = toValue(value, 0)
      return kept === undefined ? [] : [[key, kept]]
    }),
  )
}

function toValue(value: unknown, depth: number): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (depth > MAX_STATE_DEPTH) {
    throw new KeepsyncError('ERR_STATE_TOO_DEEP', `a state is more than ${MAX_STATE_DEPTH} deep`)
  }
  // A list keeps its places.
  if (Array.isArray(value)) return value.map((item) => toValue(item, depth + 1) ?? null)
  if (!isPlain(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      const kept = toValue(item, depth + 1)
      return kept === undefined ? [] : [[key, kept]]
    }),
  )
}

function isPlain(value: unknown): value is Data {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
