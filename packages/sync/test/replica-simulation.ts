/** A replica as a node of the simulator, with a ledger of everything that was acknowledged. */
import { beginDocument, editDocument } from '../src/local-edits.ts'
import * as Automerge from '@automerge/automerge'
import type { NodeEnvironment, SimulatedNode, Simulation } from '@vudo/testing'
import type { DocumentState } from '../src/document-state.ts'
import { Replica } from '../src/replica.ts'
import type { ReplicaEffect, ReplicaInput } from '../src/replica-effects.ts'
import { chunkPrefix, decodeIndex, indexPrefixes, proofPrefix } from '../src/stored-keys.ts'
import { keyOf } from './replica-lab.ts'

/** What the driver of the simulation can get wrong on purpose. */
export type PlantedBug = 'none' | 'acknowledges-early' | 'drops-batches'

const documentPaths = ['notes/a', 'notes/b', 'notes/c']

/** What each node has promised to keep: node, then document, then hashes. */
class Ledger {
  readonly #hashes = new Map<string, Map<string, Set<string>>>()
  lost: string | undefined

  promise(node: string, id: string, hashes: readonly string[]): void {
    const documents = this.#hashes.get(node) ?? new Map<string, Set<string>>()
    this.#hashes.set(node, documents)
    documents.set(id, new Set([...(documents.get(id) ?? []), ...hashes]))
  }

  /** Looks at a disk after a power cut. */
  check(node: string, env: NodeEnvironment): void {
    for (const [id, hashes] of this.#hashes.get(node) ?? []) {
      const chunks = env.disk.scan(chunkPrefix(id)).map(({ value }) => value)
      const bytes = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]))
      const doc = Automerge.loadIncremental(Automerge.init(), bytes)
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
  },
): void {
  const ledger = new Ledger()
  const names = [...new Set(options.links.flat())]
  const nodes = new Map<string, ReplicaNode>()
  for (const name of names) {
    const peers = options.links.filter(([from]) => from === name).map(([, to]) => to)
    simulation.addNode(name, (env) => {
      const node = new ReplicaNode(env, { ledger, peers, bug: options.bug, names })
      nodes.set(name, node)
      return node
    })
  }
  simulation.invariant('nothing acknowledged is lost', () => ledger.lost)
  simulation.run({ forMs: options.forMs })
  simulation.calm()
  const pictures = (): string[] => names.map((name) => nodes.get(name)!.picture)
  simulation.run({
    what: 'agreement of all replicas',
    withinMs: 120_000,
    until: () =>
      new Set(pictures()).size === 1 && [...nodes.values()].every((node) => node.isQuiet),
  })
}

interface NodeInit {
  readonly ledger: Ledger
  readonly peers: readonly string[]
  readonly bug: PlantedBug
  readonly names: readonly string[]
}

class ReplicaNode implements SimulatedNode {
  readonly #env: NodeEnvironment
  readonly #init: NodeInit
  readonly #replica: Replica
  readonly #tasks: (() => void)[] = []
  readonly #open = new Set<number>()
  #sent = 0

  constructor(env: NodeEnvironment, init: NodeInit) {
    this.#env = env
    this.#init = init
    init.ledger.check(env.name, env)
    const entries = indexPrefixes.flatMap((prefix) => env.disk.scan(prefix))
    this.#replica = new Replica({
      database: 'sim',
      author: keyOf(env.name),
      peerId: peerIdOf(env.name),
      runId: env.random.bytes(16),
      index: decodeIndex(entries),
    })
    this.#run(this.#replica.takeEffects())
    for (const peer of init.peers) env.setTimer(`dial ${peer}`, 10)
    env.setTimer('edit', 50 + env.random.int(500))
  }

  get picture(): string {
    const documents = [...this.#replica.documents()]
      .filter(({ heads }) => heads.length > 0)
      .map(({ id, heads }) => `${id}:${heads.join()}`)
    return documents.toSorted().join(' ')
  }

  get isQuiet(): boolean {
    return !this.#replica.isWriting
  }

  connected(connection: number, peerName: string): void {
    this.#open.add(connection)
    this.#input({ type: 'peer-connected', link: connection, peerId: peerIdOf(peerName) })
  }

  received(connection: number, bytes: Uint8Array): void {
    this.#input({ type: 'peer-message', link: connection, bytes })
  }

  closed(connection: number): void {
    if (this.#open.delete(connection)) this.#input({ type: 'peer-gone', link: connection })
    for (const peer of this.#init.peers) this.#env.setTimer(`dial ${peer}`, 300)
  }

  #connections = new Map<string, number>()

  timer(name: string): void {
    if (name.startsWith('dial ')) this.#dial(name.slice(5))
    else if (name.startsWith('link ')) this.#input({ type: 'timer', link: Number(name.slice(5)) })
    else if (name.startsWith('task ')) this.#tasks.shift()?.()
    else this.#edit()
  }

  #dial(peer: string): void {
    const old = this.#connections.get(peer)
    if (old !== undefined && this.#open.has(old)) return
    this.#connections.set(peer, this.#env.connect(peer))
  }

  /** A user's write; it counts from the moment at which the replica says that it is durable. */
  #edit(): void {
    const path = this.#env.random.pick(documentPaths)
    const replica = this.#replica
    const onOpen = (state: DocumentState): void => {
      const line = `${this.#env.name} ${this.#env.now()}`
      editDocument(replica, state, (doc) => (doc['lines'] as string[]).push(line), {
        nowMs: this.#env.now(),
      })
      replica.unpin(state)
      const { id, heads } = state
      replica.whenDurable(() => {
        this.#env.tell(() => this.#init.ledger.promise(this.#env.name, id, heads))
      })
    }
    beginDocument(replica, path, { lines: [] }, { onOpen, onRefused: rethrow })
    this.#run(replica.takeEffects())
    if (this.#env.now() < 20_000) this.#env.setTimer('edit', 50 + this.#env.random.int(800))
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
      env.disk.append(effect.operations)
      env.syncDisk(effect.token)
      // The planted bug: the acknowledgements go out before the disk has answered.
      if (this.#init.bug === 'acknowledges-early') this.diskSynced(effect.token)
    } else if (effect.type === 'read-document') {
      const { id } = effect
      const values = (prefix: Uint8Array): Uint8Array[] =>
        env.disk.scan(prefix).map(({ value }) => value)
      this.#tasks.push(() => {
        const [chunks, proofs] = [values(chunkPrefix(id)), values(proofPrefix(id))]
        this.#input({ type: 'document-read', id, chunks, proofs })
      })
      env.setTimer(`task ${this.#sent++}`, 1)
    } else if (effect.type === 'set-timer') env.setTimer(`link ${effect.link}`, effect.inMs)
    else if (effect.type === 'disconnect') throw new Error(`${env.name}: ${effect.message}`)
    else if (effect.event.type === 'acknowledged' && effect.event.durability === 'stored') {
      const { id, heads, peerId } = effect.event
      const keeper = this.#init.names.find((name) => peerIdOf(name) === peerId)!
      env.tell(() => this.#init.ledger.promise(keeper, id, heads))
    }
  }

  #send(link: number, bytes: Uint8Array): void {
    if (!this.#open.has(link)) return
    const batchKinds = [5, 11]
    // The planted bug: some batches never leave, and nobody notices.
    const isDropped =
      this.#init.bug === 'drops-batches' &&
      batchKinds.includes(bytes[0] ?? 0) &&
      this.#env.random.chance(0.5)
    if (!isDropped) this.#env.send(link, bytes)
    this.#input({ type: 'peer-sent', link, bytes: bytes.length })
  }
}

const peerIds = new Map<string, string>()

function peerIdOf(name: string): string {
  const known = peerIds.get(name) ?? keyOf(`node ${name}`).authorId
  peerIds.set(name, known)
  return known
}

function rethrow(error: unknown): never {
  throw error
}
