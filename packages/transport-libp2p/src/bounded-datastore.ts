/**
 * The memory in which the stack keeps what others tell it: provider records, peer
 * records, peers. The stack's own memory has no bound, so any stranger could fill it.
 */
import type { Libp2pOptions } from 'libp2p'
import { MAX_STORED_ENTRIES, MAX_STORED_KEY_CHARACTERS, MAX_STORED_VALUE_BYTES } from './limits.ts'

/** What the stack stores in. */
export type Datastore = NonNullable<Libp2pOptions['datastore']>

type Key = Parameters<Datastore['put']>[0]
type Query = Parameters<Datastore['query']>[0]
type KeyQuery = Parameters<Datastore['queryKeys']>[0]

interface Pair {
  readonly key: Key
  readonly value: Uint8Array
}

/**
 * Makes a datastore in memory with at most `MAX_STORED_ENTRIES` of each kind. A kind is what a key
 * begins with: `/dht/provider`, `/dht/record`, `/peers`. At the limit whoever has most of a kind loses
 * the oldest: of provider records, which end in the peer that announced, a stranger only pushes out
 * her own, until she has as many keys as there are entries.
 *
 * A query gives its answers in random order: the stack takes the first twenty of the peers
 * under a topic, and must not send everybody to the same twenty, for ever.
 *
 * @param random - 0 to below 1.
 */
export function createBoundedDatastore(
  maxEntries: number = MAX_STORED_ENTRIES,
  random: () => number = Math.random,
): Datastore {
  return new BoundedDatastore(maxEntries, random)
}

class BoundedDatastore implements Datastore {
  readonly #maxEntries: number
  readonly #random: () => number
  /** By kind, oldest first. */
  readonly #pairsByKind = new Map<string, Map<string, Pair>>()
  /** The names of the entries of each owner, by kind and owner; oldest first. */
  readonly #namesByOwner = new Map<string, Map<string, Set<string>>>()

  constructor(maxEntries: number, random: () => number) {
    this.#maxEntries = maxEntries
    this.#random = random
  }

  put(key: Key, value: Uint8Array): Key {
    const name = key.toString()
    if (name.length > MAX_STORED_KEY_CHARACTERS || value.length > MAX_STORED_VALUE_BYTES) {
      throw new RangeError(`${value.length} bytes under ${name.length} characters are too many`)
    }
    const kind = kindOf(name)
    const pairs = this.#pairsByKind.get(kind) ?? new Map<string, Pair>()
    this.#pairsByKind.set(kind, pairs)
    this.#remove(name)
    pairs.set(name, { key, value })
    const owners = this.#namesByOwner.get(kind) ?? new Map<string, Set<string>>()
    this.#namesByOwner.set(kind, owners)
    const owner = ownerOf(kind, name)
    owners.set(owner, (owners.get(owner) ?? new Set()).add(name))
    if (pairs.size > this.#maxEntries) this.#remove(oldestOfMost(owners))
    return key
  }

  #remove(name: string): void {
    const kind = kindOf(name)
    if (!this.#pairsByKind.get(kind)?.delete(name)) return
    const owners = this.#namesByOwner.get(kind)
    const names = owners?.get(ownerOf(kind, name))
    names?.delete(name)
    if (names?.size === 0) owners?.delete(ownerOf(kind, name))
  }

  get(key: Key): Uint8Array {
    const name = key.toString()
    const pair = this.#pairsByKind.get(kindOf(name))?.get(name)
    if (!pair) throw notFound(name)
    return pair.value
  }

  has(key: Key): boolean {
    const name = key.toString()
    return this.#pairsByKind.get(kindOf(name))?.has(name) ?? false
  }

  delete(key: Key): void {
    this.#remove(key.toString())
  }

  async *putMany(source: AsyncIterable<Pair> | Iterable<Pair>): AsyncGenerator<Key> {
    for await (const { key, value } of source) yield this.put(key, value)
  }

  async *getMany(source: AsyncIterable<Key> | Iterable<Key>): AsyncGenerator<Pair> {
    for await (const key of source) yield { key, value: this.get(key) }
  }

  async *deleteMany(source: AsyncIterable<Key> | Iterable<Key>): AsyncGenerator<Key> {
    for await (const key of source) {
      this.delete(key)
      yield key
    }
  }

  batch(): ReturnType<Datastore['batch']> {
    const changes: (() => unknown)[] = []
    return {
      put: (key, value) => void changes.push(() => this.put(key, value)),
      delete: (key) => void changes.push(() => this.delete(key)),
      commit: () => {
        for (const change of changes.splice(0)) change()
      },
    }
  }

  async *query(query: Query): AsyncGenerator<Pair> {
    const filters = query.filters ?? []
    const found = this.#shuffled(query.prefix).filter((pair) => filters.every((it) => it(pair)))
    for (const order of query.orders ?? []) found.sort(order)
    yield* page(found, query)
  }

  async *queryKeys(query: KeyQuery): AsyncGenerator<Key> {
    const filters = query.filters ?? []
    const found = this.#matching(query.prefix)
      .map(({ key }) => key)
      .filter((key) => filters.every((it) => it(key)))
    for (const order of query.orders ?? []) found.sort(order)
    yield* page(found, query)
  }

  #shuffled(prefix: string | undefined): Pair[] {
    const ranked = this.#matching(prefix).map((pair) => ({ pair, rank: this.#random() }))
    return ranked.toSorted((a, b) => a.rank - b.rank).map(({ pair }) => pair)
  }

  #matching(prefix = ''): Pair[] {
    const kind = kindOf(prefix)
    const maps = [...this.#pairsByKind].filter(([name]) => name === kind || isAbove(prefix, name))
    return maps.flatMap(([, pairs]) =>
      [...pairs].filter(([name]) => name.startsWith(prefix)).map(([, pair]) => pair),
    )
  }
}

/** `/dht/provider/…` and `/dht/record/…` are kinds of their own, and so is each other first part. */
function kindOf(name: string): string {
  const [, first = '', second = ''] = name.split('/')
  return first === 'dht' ? `/dht/${second}` : `/${first}`
}

/** Who announced a provider record stands last in its name. All other entries have one owner, so the oldest goes. */
function ownerOf(kind: string, name: string): string {
  return kind === '/dht/provider' ? name.slice(name.lastIndexOf('/') + 1) : ''
}

/** Where several have as many, the one who has been there longest is as good as any. */
function oldestOfMost(owners: ReadonlyMap<string, ReadonlySet<string>>): string {
  let most: ReadonlySet<string> = new Set()
  for (const names of owners.values()) if (names.size > most.size) most = names
  const [oldest = ''] = most
  return oldest
}

function isAbove(prefix: string, kind: string): boolean {
  return kind.startsWith(prefix)
}

function* page<T>(
  all: readonly T[],
  { offset = 0, limit }: Pick<Query, 'offset' | 'limit'>,
): Generator<T> {
  yield* all.slice(offset, limit === undefined ? undefined : offset + limit)
}

/** As the stack recognizes it: by its name. */
function notFound(name: string): Error {
  return Object.assign(new Error(`nothing is stored under ${name}`), { name: 'NotFoundError' })
}
