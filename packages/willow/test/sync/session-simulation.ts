/** Sync sessions as nodes of the simulator, each with a model store on a disk that loses power. */
import {
  createEntry,
  createPath,
  decodeWhole,
  encodeEntry,
  fullArea,
  pathRanges,
  pathsEqual,
  prunes,
  readEntry,
  subspaceRanges,
  areaIncludesEntry,
  type Area,
  type AuthorisedEntry,
  type Entry,
  type Range3d,
} from '@vudo/meadowcap'
import type { NodeEnvironment, SimulatedNode, Simulation } from '@vudo/testing'
import type { StoreAnswer, StoreRequest } from '../../src/reconcile/reconcile-effects.ts'
import { entryFingerprint } from '../../src/store/fingerprint.ts'
import type { HeldEntry, InsertOutcome, Summary } from '../../src/store/store.ts'
import type { SessionEffect, SessionInput } from '../../src/sync/session-effects.ts'
import { WillowSession } from '../../src/sync/session.ts'
import { idOf, isSame, ModelStore, namespaceId, textsOf, tokenFor } from '../store/model.ts'

/** What the driver of the simulation can get wrong on purpose. */
export type PlantedBug = 'none' | 'answers-early' | 'drops-live-and-rounds'

const heldByEntry = new WeakMap<Entry, HeldEntry>()

function heldOf(entry: Entry): HeldEntry {
  const known = heldByEntry.get(entry)
  if (known) return known
  const token = tokenFor(entry)
  const available = 0n
  const fingerprint = entryFingerprint(entry, token.capability, available)
  const held = { entry, token, available, fingerprint }
  heldByEntry.set(entry, held)
  return held
}

function summaryOf(entries: readonly Entry[]): Summary {
  let sum = 0n
  for (const entry of entries) {
    sum += BigInt(`0x${Buffer.from(heldOf(entry).fingerprint).toString('hex')}`)
  }
  const hex = (sum % 2n ** 256n).toString(16).padStart(64, '0')
  return {
    count: entries.length,
    fingerprint: new Uint8Array(Buffer.from(hex, 'hex')),
    payloadBytes: 0n,
    minTimestamp: undefined,
    maxTimestamp: undefined,
  }
}

/** Two parts: before and from the entry in the middle on. */
function halves(range: Range3d, entries: readonly Entry[]): Range3d[] {
  const [first] = entries
  const other = entries.find(({ subspaceId }) => first && !equalIds(subspaceId, first.subspaceId))
  if (other) {
    const { start, end } = range.subspaces
    return [
      { ...range, subspaces: subspaceRanges.create(start, other.subspaceId) },
      { ...range, subspaces: subspaceRanges.create(other.subspaceId, end) },
    ]
  }
  const at = entries[entries.length >> 1]?.path ?? range.paths.start
  return [
    { ...range, paths: pathRanges.create(range.paths.start, at) },
    { ...range, paths: pathRanges.create(at, range.paths.end) },
  ]
}

function equalIds(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** Erasures that a node has confirmed to somebody, and so must keep. */
class Ledger {
  readonly #promised = new Map<string, Entry[]>()
  lost: string | undefined

  promise(node: string, entries: readonly Entry[]): void {
    this.#promised.set(node, [...(this.#promised.get(node) ?? []), ...entries])
  }

  /** Looks at a disk after a power cut. */
  check(node: string, model: ModelStore): void {
    for (const entry of this.#promised.get(node) ?? []) {
      const isDone = model.entries.some((held) => isSame(held, entry) || prunes(held, entry))
      if (!isDone) this.lost = `${node} lost an erasure that it had confirmed`
    }
  }
}

/** Runs nodes in a topology through faults, and then lets them agree. */
export function runSessions(
  simulation: Simulation,
  options: {
    readonly links: readonly (readonly [string, string])[]
    readonly bug: PlantedBug
    readonly forMs: number
  },
): void {
  const ledger = new Ledger()
  const names = [...new Set(options.links.flat())]
  const nodes = new Map<string, SessionNode>()
  for (const name of names) {
    const peers = options.links.filter(([from]) => from === name).map(([, to]) => to)
    simulation.addNode(name, (env) => {
      const node = new SessionNode(env, { ledger, peers, bug: options.bug, names })
      nodes.set(name, node)
      return node
    })
  }
  simulation.invariant('no confirmed erasure is lost', () => ledger.lost)
  simulation.run({ forMs: options.forMs })
  simulation.calm()
  simulation.run({
    what: 'agreement of all stores',
    withinMs: 120_000,
    until: () =>
      [...nodes.values()].every((node) => node.isQuiet) &&
      new Set(names.map((name) => nodes.get(name)!.picture)).size === 1,
  })
}

interface NodeInit {
  readonly ledger: Ledger
  readonly peers: readonly string[]
  readonly bug: PlantedBug
  readonly names: readonly string[]
}

class SessionNode implements SimulatedNode {
  readonly #env: NodeEnvironment
  readonly #init: NodeInit
  readonly #model = new ModelStore()
  readonly #sessions = new Map<number, { session: WillowSession; peer: string }>()
  readonly #outbound = new Map<string, number>()
  readonly #onSynced = new Map<number, () => void>()
  #token = 0
  /** It writes no more. */
  #hasWritten = false

  constructor(env: NodeEnvironment, init: NodeInit) {
    this.#env = env
    this.#init = init
    for (const { value } of env.disk.scan(new Uint8Array())) {
      this.#model.insert(decodeWhole(value, readEntry))
    }
    init.ledger.check(env.name, this.#model)
    this.#token = env.disk.scan(new Uint8Array()).length + env.random.int(2 ** 30)
    for (const peer of init.peers) env.setTimer(`dial ${peer}`, 10)
    env.setTimer('write', 50 + env.random.int(500))
  }

  get picture(): string {
    return textsOf(this.#model.entries).join('\n')
  }

  get isQuiet(): boolean {
    return this.#onSynced.size === 0 && this.#hasWritten
  }

  connected(connection: number, peer: string, isOutbound: boolean): void {
    const env = this.#env
    const session = new WillowSession({
      namespaceId,
      peerId: peerIdOf(env.name),
      remotePeerId: peerIdOf(peer),
      isOpener: isOutbound,
      capabilities: [],
      signers: [],
      openArea: fullArea,
      metered: { isMetered: false, deferAboveBytes: 0 },
      random: (length) => env.random.bytes(length),
    })
    this.#sessions.set(connection, { session, peer })
    this.#input(connection, { type: 'start' })
  }

  received(connection: number, bytes: Uint8Array): void {
    this.#input(connection, { type: 'message', bytes })
  }

  closed(connection: number): void {
    this.#sessions.delete(connection)
    for (const peer of this.#init.peers) this.#env.setTimer(`dial ${peer}`, 300)
  }

  timer(name: string): void {
    if (name.startsWith('dial ')) this.#dial(name.slice(5))
    else this.#write()
  }

  diskSynced(token: number): void {
    const then = this.#onSynced.get(token)
    this.#onSynced.delete(token)
    then?.()
  }

  #dial(peer: string): void {
    const old = this.#outbound.get(peer)
    if (old !== undefined && this.#sessions.has(old)) return
    this.#outbound.set(peer, this.#env.connect(peer))
  }

  /** A user's write; some erase. */
  #write(): void {
    const { random } = this.#env
    const length = BigInt(random.int(3))
    const components = Array.from({ length: 1 + random.int(2) }, () =>
      random.pick(['', 'a', 'b', 'c']),
    )
    const entry = createEntry({
      namespaceId,
      subspaceId: idOf(1 + random.int(2)),
      path: createPath(components),
      timestamp: BigInt(this.#env.now()),
      payloadLength: length,
      payloadDigest: new Uint8Array(32).fill(Number(length)),
    })
    this.#insert([{ entry, token: tokenFor(entry) }], undefined, () => {})
    this.#hasWritten = this.#env.now() >= 5_000
    if (!this.#hasWritten) this.#env.setTimer('write', 50 + random.int(600))
  }

  #insert(
    all: readonly AuthorisedEntry[],
    origin: number | undefined,
    then: (outcomes: InsertOutcome[]) => void,
  ): void {
    const fresh: Entry[] = []
    const outcomes = all.map(({ entry }): InsertOutcome => {
      const { entries } = this.#model
      if (entries.some((held) => isSame(held, entry))) return { status: 'duplicate' }
      if (entries.some((held) => prunes(held, entry))) return { status: 'obsolete' }
      this.#model.insert(entry)
      fresh.push(entry)
      return { status: 'inserted', pruned: [], prunedCount: 0 }
    })
    this.#token += 1
    const token = this.#token
    const puts = fresh.map((entry, at) => {
      const key = new TextEncoder().encode(`${token} ${at}`)
      return { type: 'put', key, value: encodeEntry(entry) } as const
    })
    this.#env.disk.append(puts)
    const settle = (): void => {
      then(outcomes)
      for (const entry of fresh) this.#tellAll(entry, origin)
    }
    // The planted bug: it is confirmed before it is durable.
    if (this.#init.bug === 'answers-early') settle()
    this.#onSynced.set(token, this.#init.bug === 'answers-early' ? () => {} : settle)
    this.#env.syncDisk(token)
  }

  #tellAll(entry: Entry, origin: number | undefined): void {
    if (this.#init.bug === 'drops-live-and-rounds' && this.#env.random.chance(0.3)) return
    for (const connection of this.#sessions.keys()) {
      const isFromPeer = connection === origin
      this.#input(connection, { type: 'changed', held: heldOf(entry), isFromPeer })
    }
  }

  #input(connection: number, input: SessionInput): void {
    const session = this.#sessions.get(connection)?.session
    for (const effect of session?.handle(input, this.#env.now()) ?? []) {
      this.#execute(connection, effect)
    }
  }

  #execute(connection: number, effect: SessionEffect): void {
    if (!this.#sessions.has(connection)) return
    if (effect.type === 'send') {
      this.#env.send(connection, effect.bytes)
      this.#input(connection, { type: 'sent', bytes: effect.bytes.length })
    } else if (effect.type === 'insert') {
      const { token, entries } = effect
      this.#insert(entries, connection, (outcomes) =>
        this.#input(connection, { type: 'inserted', token, outcomes }),
      )
    } else if (effect.type === 'verify') {
      const answers = effect.capabilities.map(() => true)
      this.#input(connection, { type: 'verified', answers })
    } else if (effect.type === 'reconcile') this.#answer(connection, effect.request)
    else if (effect.type === 'fail') throw new Error(`${this.#env.name}: ${effect.message}`)
    else if (effect.type === 'event' && effect.event.type === 'confirmed') {
      this.#confirmed(connection, effect.event.area, effect.event.upTo)
    }
  }

  /** What this node erased there, the peer must have erased for good. */
  #confirmed(connection: number, area: Area, upTo: bigint | undefined): void {
    const { peer } = this.#sessions.get(connection)!
    const erasures = this.#model.entries.filter(
      (entry) =>
        entry.payloadLength === 0n &&
        areaIncludesEntry(area, entry) &&
        // One that was sent live stands for itself, and not for later ones below it.
        (upTo === undefined || (entry.timestamp <= upTo && pathsEqual(area.path, entry.path))),
    )
    this.#env.tell(() => this.#init.ledger.promise(peer, erasures))
  }

  #answer(connection: number, request: StoreRequest): void {
    const answer = (result: StoreAnswer): void =>
      this.#input(connection, { type: 'answer', answer: result })
    if (request.type === 'insert') {
      return this.#insert(request.entries, connection, () =>
        answer({ type: 'inserted', rejected: 0 }),
      )
    }
    if (request.type === 'more') return answer({ type: 'page', entries: [], isLast: true })
    const entries = this.#model.in(request.range)
    if (request.type === 'summarise')
      return answer({ type: 'summary', summary: summaryOf(entries) })
    if (request.type === 'list') {
      return answer({ type: 'page', entries: entries.map(heldOf), isLast: true })
    }
    const ranges = entries.length > 1 ? halves(request.range, entries) : [request.range]
    const parts = ranges.map((range) => ({ range, summary: summaryOf(this.#model.in(range)) }))
    answer({ type: 'parts', parts })
  }
}

function peerIdOf(name: string): string {
  return Buffer.from(name.padEnd(32, '.')).toString('hex')
}
