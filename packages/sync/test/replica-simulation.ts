/** A replica as a node of the simulator, with a ledger of everything that was acknowledged. */
import { beginDocument, editDocument } from '../src/local-edits.ts'
import * as Automerge from '@automerge/automerge'
import type { AuthorKey } from '@vudo/identity'
import type { NodeEnvironment, SimulatedNode, Simulation } from '@vudo/testing'
import { concatBytes } from '@vudo/wire'
import type { DocumentState } from '../src/document-state.ts'
import { liveTimer, Replica } from '../src/replica.ts'
import type { ReplicaEffect, ReplicaEvent, ReplicaInput } from '../src/replica-effects.ts'
import { chunkPrefix, decodeIndex, indexPrefixes, proofPrefix } from '../src/stored-keys.ts'
import { keyOf } from './replica-lab.ts'

/** What the driver of the simulation can get wrong on purpose. */
export type PlantedBug =
  | 'none'
  /** Says that a write is durable before it is. */
  | 'acknowledges-early'
  /** Some batches never leave, and nobody notices. */
  | 'drops-batches'
  /** What peers say to have stored never arrives. */
  | 'drops-acknowledgements'
  /** Some writes never reach the disk, which says that they have. */
  | 'swallows-writes'
  /** The engine forgets changes that are being written, and cannot be read back yet. The tests plant it there. */
  | 'forgets-too-early'

/** What faults there were that could do harm: a message was on its way, or a write pending. */
export interface Tally {
  faults: number
  promises: number
}

/** Virtual milliseconds between checks of idle peers: shorter than as shipped, as lives here are short. */
const intervalMs = 1_000

/** Virtual milliseconds that each look at the disk takes at most: longer than a write. */
const MAX_LOOK_MS = 40

const documentPaths = ['notes/a', 'notes/b', 'notes/c']

/** What each node has promised to keep: node, then document, then hashes. */
class Ledger {
  readonly #hashes = new Map<string, Map<string, Set<string>>>()
  lost: string | undefined
  /** What was thought of a sound document or an honest peer. */
  blamed: string | undefined

  promise(node: string, id: string, hashes: readonly string[]): void {
    const documents = this.#hashes.get(node) ?? new Map<string, Set<string>>()
    this.#hashes.set(node, documents)
    documents.set(id, new Set([...(documents.get(id) ?? []), ...hashes]))
  }

  /** The disk was replaced by an older copy: what it promised since is nobody's fault. */
  forget(node: string): void {
    this.#hashes.delete(node)
  }

  /** Looks at a disk after a power cut. */
  check(node: string, env: NodeEnvironment): void {
    for (const [id, hashes] of this.#hashes.get(node) ?? []) {
      const chunks = env.disk.scan(chunkPrefix(id)).map(({ value }) => value)
      const doc = Automerge.loadIncremental(Automerge.init(), concatBytes(...chunks))
      const missing = [...hashes].filter((hash) => !Automerge.hasHeads(doc, [hash]))
      if (missing.length > 0)
        this.lost = `${node} lost ${missing.length} acknowledged changes of ${id}`
    }
  }
}

/** Runs nodes in a topology through faults, and then lets them agree. */
export function runReplicas(
  simulation: Simulation,
  options: {
    readonly links: readonly (readonly [string, string])[]
    readonly bug: PlantedBug
    readonly forMs: number
    /** @defaultValue a document with a list */
    readonly initial?: Readonly<Record<string, unknown>> | undefined
    readonly tally?: Tally | undefined
    /** Virtual milliseconds before a broken connection is opened again. @defaultValue 300 */
    readonly redialMs?: number | undefined
    /** Virtual milliseconds between two edits of a node, at most. @defaultValue 650 */
    readonly editEveryMs?: number | undefined
    /** Virtual milliseconds after which nobody edits any more. @defaultValue 20,000 */
    readonly editForMs?: number | undefined
    /** Chance that a node starts from an older copy of its disk. @defaultValue 0 */
    readonly rollbackRate?: number | undefined
  },
): void {
  const {
    bug,
    initial = { lines: [] },
    tally = { faults: 0, promises: 0 },
    redialMs = 300,
    rollbackRate = 0,
    editForMs = 20_000,
    editEveryMs = 650,
  } = options
  const copies = new Map<string, DiskCopy>()
  const traffic = new Traffic(tally)
  const ledger = new Ledger()
  const names = [...new Set(options.links.flat())]
  const nodes = new Map<string, ReplicaNode>()
  for (const name of names) {
    const peers = options.links.filter(([from]) => from === name).map(([, to]) => to)
    simulation.addNode(name, (env) => {
      nodes.get(name)?.died()
      const node = new ReplicaNode(env, {
        ledger,
        traffic,
        peers,
        bug,
        names,
        initial,
        redialMs,
        rollbackRate,
        copies,
        editForMs,
        editEveryMs,
      })
      nodes.set(name, node)
      return node
    })
  }
  watch(simulation, ledger, bug)
  simulation.run({ forMs: options.forMs })
  simulation.calm()
  const pictures = (): string[] => names.map((name) => nodes.get(name)!.picture)
  simulation.run({
    what: 'agreement of all replicas',
    withinMs: 120_000,
    until: () =>
      [...nodes.values()].every((node) => node.isQuiet) && new Set(pictures()).size === 1,
  })
}

function watch(simulation: Simulation, ledger: Ledger, bug: PlantedBug): void {
  simulation.invariant('nothing acknowledged is lost', () => ledger.lost)
  // A disk that forgets has damaged documents.
  if (bug === 'swallows-writes') return
  simulation.invariant('no sound document and no honest peer is blamed', () => ledger.blamed)
}

/** What is on its way, so that a fault that hits nothing is not counted. */
class Traffic {
  readonly tally: Tally
  readonly #waiting = new Map<number, number>()

  constructor(tally: Tally) {
    this.tally = tally
  }

  sent(connection: number): void {
    this.#waiting.set(connection, (this.#waiting.get(connection) ?? 0) + 1)
  }

  received(connection: number): void {
    this.#waiting.set(connection, (this.#waiting.get(connection) ?? 0) - 1)
  }

  /** Counts a connection that broke, once for its two ends. */
  broke(connection: number): boolean {
    const isHit = (this.#waiting.get(connection) ?? 0) > 0
    this.#waiting.delete(connection)
    if (isHit) this.tally.faults += 1
    return isHit
  }
}

type DiskCopy = ReturnType<NodeEnvironment['disk']['scan']>

/** Puts an older copy in the place of a disk, by chance, or makes one. */
function rollBack(env: NodeEnvironment, { copies, rollbackRate, traffic, ledger }: NodeInit): void {
  const { name, disk, random } = env
  const everything = new Uint8Array()
  const copy = copies.get(name)
  if (!copy || random.chance(0.1)) copies.set(name, disk.scan(everything))
  if (!copy || !random.chance(rollbackRate)) return
  disk.replace(copy)
  ledger.forget(name)
  traffic.tally.faults += 1
}

interface NodeInit {
  readonly ledger: Ledger
  readonly traffic: Traffic
  readonly redialMs: number
  readonly rollbackRate: number
  readonly editForMs: number
  readonly editEveryMs: number
  /** An older copy of each disk. */
  readonly copies: Map<string, DiskCopy>
  readonly initial: Readonly<Record<string, unknown>>
  readonly peers: readonly string[]
  readonly bug: PlantedBug
  readonly names: readonly string[]
}

class ReplicaNode implements SimulatedNode {
  readonly #env: NodeEnvironment
  readonly #init: NodeInit
  readonly #replica: Replica
  /** What the disk is asked for, by the timer that ends it. */
  readonly #looks = new Map<string, () => void>()
  readonly #open = new Set<number>()
  #lookCount = 0

  constructor(env: NodeEnvironment, init: NodeInit) {
    this.#env = env
    this.#init = init
    init.ledger.check(env.name, env)
    if (init.rollbackRate > 0) rollBack(env, init)
    const entries = indexPrefixes.flatMap((prefix) => env.disk.scan(prefix))
    this.#replica = new Replica({
      database: 'sim',
      author: authorOf(env.name),
      peerId: peerIdOf(env.name),
      runId: env.random.bytes(16),
      index: decodeIndex(entries),
      signedTogether: 2,
    })
    this.#run(this.#replica.takeEffects())
    for (const peer of init.peers) env.setTimer(`dial ${peer}`, 10)
    this.#editLater()
    env.setTimer('interval', intervalMs)
  }

  get picture(): string {
    const documents = [...this.#replica.documents()]
      .filter(({ heads }) => heads.length > 0)
      .map(({ id, heads }) => `${id}:${heads.join()}`)
    return documents.toSorted().join(' ')
  }

  /** Nothing waits for the disk, and of everything it is known who has stored it. */
  get isQuiet(): boolean {
    return !this.#replica.isWriting && this.#replica.unstoredCount === 0
  }

  /** The power went: a fault that could do harm when a write was pending, or messages were on their way. */
  died(): void {
    const { traffic } = this.#init
    const hits = [...this.#open].filter((connection) => traffic.broke(connection)).length
    if (hits === 0 && this.#replica.isWriting) traffic.tally.faults += 1
  }

  connected(connection: number, peerName: string): void {
    this.#open.add(connection)
    this.#input({ type: 'peer-connected', link: connection, peerId: peerIdOf(peerName) })
  }

  received(connection: number, bytes: Uint8Array): void {
    this.#init.traffic.received(connection)
    this.#input({ type: 'peer-message', link: connection, bytes })
  }

  closed(connection: number): void {
    this.#init.traffic.broke(connection)
    if (this.#open.delete(connection)) this.#input({ type: 'peer-gone', link: connection })
    for (const peer of this.#init.peers) this.#env.setTimer(`dial ${peer}`, this.#init.redialMs)
  }

  #connections = new Map<string, number>()

  timer(name: string): void {
    if (name.startsWith('dial ')) this.#dial(name.slice(5))
    else if (name.startsWith('link ')) this.#input({ type: 'timer', link: Number(name.slice(5)) })
    else if (name.startsWith('look ')) this.#endLook(name)
    else if (name.startsWith('end ')) this.closed(Number(name.slice(4)))
    else if (name === 'interval') this.#check()
    else this.#edit()
  }

  /** Whether idle peers really hold the same. */
  #check(): void {
    this.#input({ type: 'interval' })
    this.#env.setTimer('interval', intervalMs)
  }

  #dial(peer: string): void {
    const old = this.#connections.get(peer)
    if (old !== undefined && this.#open.has(old)) return
    this.#connections.set(peer, this.#env.connect(peer))
  }

  /** Somebody reads, and gets at least what was durable when they asked. */
  #readSome(): void {
    const replica = this.#replica
    const known = [...replica.documents()].filter(({ heads }) => heads.length > 0)
    if (known.length === 0) return
    const state = this.#env.random.pick(known)
    const { id, durableHeads } = state
    const check = (isThere: boolean): void => {
      if (!isThere) this.#init.ledger.blamed ??= `${this.#env.name} reads too little of ${id}`
    }
    if (state.doc || state.isHeld || this.#env.random.chance(0.5)) {
      replica.withDocument(state, () => check(state.has(durableHeads)))
    } else {
      replica.withStored(state, ({ chunks }) => {
        const doc = Automerge.loadIncremental(Automerge.init(), concatBytes(...chunks))
        check(Automerge.hasHeads(doc, [...durableHeads]))
        Automerge.free(doc)
      })
    }
    this.#run(replica.takeEffects())
  }

  /** A user's write; it counts from the moment at which the replica says that it is durable. */
  #edit(): void {
    if (this.#env.random.chance(0.3)) this.#readSome()
    const path = this.#env.random.pick(documentPaths)
    const replica = this.#replica
    const onOpen = (state: DocumentState): void => {
      const line = `${this.#env.name} ${this.#env.now()}`
      editDocument(replica, state, (doc) => (doc['lines'] as string[] | undefined)?.push(line), {
        nowMs: this.#env.now(),
      })
      replica.unpin(state)
      const { id, heads } = state
      replica.whenDurable(() => {
        this.#env.tell(() => {
          this.#init.traffic.tally.promises += 1
          this.#init.ledger.promise(this.#env.name, id, heads)
        })
      })
    }
    beginDocument(replica, path, this.#init.initial, { onOpen, onRefused: rethrow })
    this.#run(replica.takeEffects())
    if (this.#env.now() < this.#init.editForMs) this.#editLater()
  }

  #editLater(): void {
    const { editEveryMs } = this.#init
    this.#env.setTimer('edit', editEveryMs / 13 + this.#env.random.int(editEveryMs))
  }

  diskSynced(token: number): void {
    this.#input({ type: 'persisted', token })
  }

  #input(input: ReplicaInput): void {
    this.#run(this.#replica.handle(input, this.#env.now()))
  }

  #run(effects: readonly ReplicaEffect[]): void {
    for (const effect of effects) this.#execute(effect)
  }

  #execute(effect: ReplicaEffect): void {
    const env = this.#env
    if (effect.type === 'send') this.#send(effect.link, effect.bytes)
    else if (effect.type === 'persist') {
      const isSwallowed = this.#init.bug === 'swallows-writes' && env.random.chance(0.1)
      if (!isSwallowed) env.disk.append(effect.operations)
      env.syncDisk(effect.token)
      // The planted bug: the acknowledgements go out before the disk has answered.
      if (this.#init.bug === 'acknowledges-early') this.diskSynced(effect.token)
    } else if (effect.type === 'read-document') {
      this.#read(effect.id)
    } else if (effect.type === 'set-timer') env.setTimer(`link ${effect.link}`, effect.inMs)
    else if (effect.type === 'rest') env.setTimer(`link ${liveTimer}`, 5)
    else if (effect.type === 'vet') throw new Error('no document here is costly')
    else if (effect.type === 'disconnect') this.#disconnect(effect)
    else this.#happened(effect.event)
  }

  /** No peer breaks the protocol, but a line that broke may be thought open for so long that there are too many. */
  #disconnect({ link, message }: ReplicaEffect & { type: 'disconnect' }): void {
    if (!message.includes('newer channels')) throw new Error(`${this.#env.name}: ${message}`)
    this.#env.close(link)
    this.#env.setTimer(`end ${link}`, 0)
  }

  #happened(event: ReplicaEvent): void {
    const { ledger, names } = this.#init
    if (event.type === 'acknowledged' && event.durability === 'stored') {
      const { id, heads, peerId } = event
      const keeper = names.find((name) => peerIdOf(name) === peerId)!
      this.#env.tell(() => ledger.promise(keeper, id, heads))
    } else if (event.type === 'document:quarantined') {
      ledger.blamed ??= `${this.#env.name} quarantines ${event.id}: ${event.reason}`
    } else if (event.type === 'peer:fault') {
      ledger.blamed ??= `${this.#env.name} blames a peer: ${event.message}`
    }
  }

  /**
   * As the engine does: chunks and proofs are two looks at the store, each of which shows
   * what is durable at its moment, and the answer comes later than both. Answers come in
   * another order than questions.
   */
  #read(id: string): void {
    const { disk, random } = this.#env
    const values = (prefix: Uint8Array): Uint8Array[] => disk.scan(prefix).map(({ value }) => value)
    let [chunks, proofs]: Uint8Array[][] = []
    const looks = [
      () => void (chunks = values(chunkPrefix(id))),
      () => void (proofs = values(proofPrefix(id))),
      () => this.#input({ type: 'document-read', id, chunks: chunks ?? [], proofs: proofs ?? [] }),
    ]
    if (random.chance(0.5)) looks.unshift(...looks.splice(1, 1))
    this.#lookLater(looks)
  }

  /** The first of these, and then the others, some of them at once. */
  #lookLater([first, ...others]: readonly (() => void)[]): void {
    const { random } = this.#env
    const name = `look ${this.#lookCount++}`
    this.#looks.set(name, () => {
      first?.()
      while (others.length > 0 && random.chance(0.5)) others.shift()?.()
      if (others.length > 0) this.#lookLater(others)
    })
    this.#env.setTimer(name, random.int(MAX_LOOK_MS))
  }

  #endLook(name: string): void {
    const end = this.#looks.get(name)
    this.#looks.delete(name)
    end?.()
  }

  #send(link: number, bytes: Uint8Array): void {
    if (!this.#open.has(link)) return
    const { bug, traffic } = this.#init
    const kinds = droppedKinds[bug] ?? []
    const isDropped = kinds.includes(bytes[0] ?? 0) && this.#env.random.chance(0.5)
    if (!isDropped) {
      traffic.sent(link)
      this.#env.send(link, bytes)
    }
    this.#input({ type: 'peer-sent', link, bytes: bytes.length })
  }
}

/** By the number that a message begins with. */
const droppedKinds: Partial<Record<PlantedBug, readonly number[]>> = {
  'drops-batches': [5, 11],
  'drops-acknowledgements': [3, 7, 12],
}

const peerIds = new Map<string, string>()
const authors = new Map<string, AuthorKey>()

function authorOf(name: string): AuthorKey {
  const known = authors.get(name) ?? keyOf(name)
  authors.set(name, known)
  return known
}

function peerIdOf(name: string): string {
  const known = peerIds.get(name) ?? keyOf(`node ${name}`).authorId
  peerIds.set(name, known)
  return known
}

function rethrow(error: unknown): never {
  throw error
}
