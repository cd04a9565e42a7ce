/** Replicas with disks in memory and lines between them, in one synchronous world: for the tests of this package. */
import { beginDocument, editDocument } from '../src/local-edits.ts'
import type { AuthorKey } from '@vudo/identity'
import { keyOf } from './keys.ts'
import { createFakeDisk, type FakeDisk } from '@vudo/storage'
import { chunkPrefix, decodeIndex, indexPrefixes, proofPrefix } from '../src/stored-keys.ts'
import { isSyncError } from '../src/errors.ts'
import type { DocumentState } from '../src/document-state.ts'
import { liveTimer, Replica, type Policy } from '../src/replica.ts'
import type { ReplicaEffect, ReplicaEvent, ReplicaInput } from '../src/replica-effects.ts'

export { keyOf } from './keys.ts'
export const nowMs = 1_700_000_000_000

export interface LabInit {
  readonly policy?: Policy
  /** Chooses what happens next among what is under way; the first by default. */
  readonly choose?: (count: number) => number
  /** Paths from which on replicas compare their stores by ranges. */
  readonly minComparedPaths?: number
  /** Statements from which on a replica signs them together. */
  readonly signedTogether?: number
  /** Changes or drops (undefined) a message on its way. */
  readonly tamper?: (bytes: Uint8Array, from: string, to: string) => Uint8Array | undefined
  /** Says whether the disk of a node is slow: its writes wait for `Lab.releaseWrites`. */
  readonly holdsWrites?: (name: string) => boolean
  /** Says whether a node has to wait for what it reads, until `Lab.releaseReads`: the disk was looked at before. */
  readonly holdsReads?: (name: string) => boolean
  /** Says whether the timers of channels wait for `Lab.fireTimers`. */
  readonly holdsTimers?: () => boolean
  /** What the vetting thread says of whatever it is given. */
  readonly refusal?: () => string | undefined
  /** What a power cut leaves of the batches that were not synced, from 0 (nothing, by default) up to 1. */
  readonly survives?: () => number
}

let runs = 0

export class Node {
  readonly name: string
  readonly lab: Lab
  readonly author: AuthorKey
  disk: FakeDisk
  replica!: Replica
  readonly events: ReplicaEvent[] = []
  readonly disconnects: string[] = []
  life = 0

  constructor(name: string, lab: Lab) {
    this.name = name
    this.lab = lab
    this.author = keyOf(name)
    this.disk = createFakeDisk(lab.init.survives ?? (() => 0), { reads: 'synced' })
    this.boot()
  }

  get peerId(): string {
    return keyOf(`node ${this.name}`).authorId
  }

  boot(): void {
    this.life += 1
    runs += 1
    const index = decodeIndex(indexPrefixes.flatMap((prefix) => this.disk.scan(prefix)))
    this.replica = new Replica({
      database: 'lab',
      author: this.author,
      peerId: this.peerId,
      runId: Uint8Array.from({ length: 16 }, (_, at) => (runs >> (8 * (at % 4))) & 255),
      index,
      policy: this.lab.init.policy,
      minComparedPaths: this.lab.init.minComparedPaths,
      signedTogether: this.lab.init.signedTogether,
    })
    this.run(this.replica.takeEffects())
  }

  /** The power goes and comes back. */
  crash(): void {
    this.lab.cutAll(this)
    this.disk.crash()
    this.boot()
  }

  input(input: ReplicaInput): void {
    this.run(this.replica.handle(input, nowMs))
  }

  run(effects: readonly ReplicaEffect[]): void {
    for (const effect of effects) this.#run(effect)
  }

  #run(effect: ReplicaEffect): void {
    const { life } = this
    const later = (task: () => void): void =>
      this.lab.later(() => {
        if (this.life === life) task()
      })
    if (effect.type === 'event') this.events.push(effect.event)
    else if (effect.type === 'send') this.lab.send(this, effect.link, effect.bytes)
    else if (effect.type === 'disconnect') {
      this.disconnects.push(effect.code)
      this.lab.cut(effect.link)
    } else if (effect.type === 'set-timer' || effect.type === 'rest') {
      const link = effect.type === 'rest' ? liveTimer : effect.link
      const fire = (): void => later(() => this.input({ type: 'timer', link }))
      if (link > 0 && this.lab.init.holdsTimers?.()) this.lab.timers.push(fire)
      else fire()
    } else if (effect.type === 'persist') {
      this.disk.append(effect.operations)
      const settle = (): void => {
        this.disk.sync()
        this.input({ type: 'persisted', token: effect.token })
      }
      if (this.lab.init.holdsWrites?.(this.name)) this.lab.held.push(() => later(settle))
      else later(settle)
    } else if (effect.type === 'vet') {
      const { token } = effect
      later(() => this.input({ type: 'vetted', token, refusal: this.lab.init.refusal?.() }))
    } else this.#read(effect.id, later)
  }

  /** Two looks at the disk, one after the other, and the answer later than both. */
  #read(id: string, later: (task: () => void) => void): void {
    const values = (prefix: Uint8Array): Uint8Array[] =>
      this.disk.scan(prefix).map(({ value }) => value)
    later(() => {
      const chunks = values(chunkPrefix(id))
      later(() => {
        const proofs = values(proofPrefix(id))
        const answer = (): void => this.input({ type: 'document-read', id, chunks, proofs })
        if (this.lab.init.holdsReads?.(this.name)) this.lab.heldReads.push(() => later(answer))
        else later(answer)
      })
    })
  }

  open(path: string, initial: Record<string, unknown> = {}): DocumentState {
    const opened: DocumentState[] = []
    const errors: unknown[] = []
    beginDocument(this.replica, path, initial, {
      onOpen: (state) => opened.push(state),
      onRefused: (error) => errors.push(error),
    })
    this.run(this.replica.takeEffects())
    this.lab.runUntil(() => opened.length + errors.length > 0)
    const [state] = opened
    if (!state) throw errors[0]
    return state
  }

  /** Edits; false when somebody deleted the document while it was being opened. */
  edit(path: string, edit: (doc: Record<string, any>) => void, initial = {}): boolean {
    const state = this.open(path, initial)
    try {
      editDocument(this.replica, state, edit, { nowMs })
      return true
    } catch (error) {
      if (isSyncError(error) && error.code === 'ERR_DOCUMENT_DELETED') return false
      throw error
    } finally {
      this.replica.unpin(state)
      this.run(this.replica.takeEffects())
    }
  }

  read(path: string): unknown {
    const record = this.replica.catalogue.winner(path)
    if (record?.state !== 'live') return undefined
    const state = this.replica.document(record.documentId)
    let value: unknown
    let isRead = false
    this.replica.withDocument(state, () => {
      value = JSON.parse(JSON.stringify(state.open))
      isRead = true
    })
    this.run(this.replica.takeEffects())
    this.lab.runUntil(() => isRead)
    return value
  }

  /** Everything that must be equal on all devices. */
  get picture(): string {
    const records = [...this.replica.recordsByHash.values()].map(
      ({ hash, author }) => hash + author,
    )
    const documents = [...this.replica.documents()]
      // Each device decides for itself when the bytes of a deleted document go.
      .filter(({ id, heads }) => heads.length > 0 && this.replica.catalogue.isLive(id))
      .map(({ id, heads }) => `${id}:${heads.join()}`)
    return JSON.stringify([records.toSorted(), documents.toSorted()])
  }
}

interface Line {
  readonly ends: readonly [Node, Node]
  readonly waiting: { to: Node; bytes: Uint8Array; from: Node }[]
  isCut: boolean
}

export class Lab {
  readonly init: LabInit
  readonly nodes = new Map<string, Node>()
  #tasks: (() => void)[] = []
  #lines = new Map<number, Line>()
  #lastLink = 0
  steps = 0
  /** Timers of channels that are held. */
  readonly timers: (() => void)[] = []
  /** Writes of slow disks. */
  readonly held: (() => void)[] = []
  /** What slow disks were asked for. */
  readonly heldReads: (() => void)[] = []

  constructor(init: LabInit = {}) {
    this.init = init
  }

  node(name: string): Node {
    const known = this.nodes.get(name)
    if (known) return known
    const node = new Node(name, this)
    this.nodes.set(name, node)
    return node
  }

  connect(a: Node, b: Node): number {
    const link = ++this.#lastLink
    this.#lines.set(link, { ends: [a, b], waiting: [], isCut: false })
    a.input({ type: 'peer-connected', link, peerId: b.peerId })
    b.input({ type: 'peer-connected', link, peerId: a.peerId })
    return link
  }

  cut(link: number): void {
    const line = this.#lines.get(link)
    if (!line) return
    this.#lines.delete(link)
    line.isCut = true
    for (const end of line.ends) end.input({ type: 'peer-gone', link })
  }

  cutAll(node: Node): void {
    for (const [link, { ends }] of this.#lines) if (ends.includes(node)) this.cut(link)
  }

  send(from: Node, link: number, bytes: Uint8Array): void {
    const line = this.#lines.get(link)
    if (!line) return
    const to = line.ends[0] === from ? line.ends[1] : line.ends[0]
    line.waiting.push({ to, from, bytes })
    this.later(() => this.#deliver(link, line, to))
  }

  /** In order per direction, whatever the order of the tasks. */
  #deliver(link: number, line: Line, to: Node): void {
    const at = line.waiting.findIndex((message) => message.to === to)
    const [message] = at < 0 ? [] : line.waiting.splice(at, 1)
    if (!message || line.isCut) return
    const { from } = message
    from.input({ type: 'peer-sent', link, bytes: message.bytes.length })
    const bytes = this.init.tamper
      ? this.init.tamper(message.bytes, from.name, to.name)
      : message.bytes
    if (bytes && !line.isCut) to.input({ type: 'peer-message', link, bytes: bytes.slice() })
  }

  /** Lets the timers run out that were held. */
  fireTimers(): void {
    for (const fire of this.timers.splice(0)) fire()
  }

  /** Lets the slow disks write what they hold. */
  releaseWrites(): void {
    for (const release of this.held.splice(0)) release()
  }

  /** Lets the slow disks answer. */
  releaseReads(): void {
    for (const release of this.heldReads.splice(0)) release()
  }

  later(task: () => void): void {
    this.#tasks.push(task)
  }

  step(): boolean {
    if (this.#tasks.length === 0) return false
    this.steps += 1
    const at = this.init.choose?.(this.#tasks.length) ?? 0
    const [task] = this.#tasks.splice(at, 1)
    task?.()
    return true
  }

  runUntil(isDone: () => boolean): void {
    while (!isDone()) if (!this.step()) throw new Error('nothing is under way')
  }

  /** Until nothing is under way. */
  settle(maxSteps = 200_000): void {
    for (let step = 0; this.step(); step++) {
      if (step > maxSteps) throw new Error(`no end after ${maxSteps} steps`)
    }
  }
}
