import * as Automerge from '@automerge/automerge'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import { ACTOR_BYTES, deriveImageActor } from './authorship.ts'
import { sameHeads } from './document-heads.ts'
import type { AnyDocument } from './document-state.ts'
import { applyPatchTo } from './patches.ts'

/** Where changes come from. */
export interface RebaseSource {
  readonly id: string
  readonly doc: AnyDocument
  /** Up to here the target has everything. */
  readonly covered: readonly string[]
}

/** Where they go. */
export interface RebaseTarget {
  readonly id: string
  readonly doc: AnyDocument
  /** At these heads it holds what the source holds at the covered ones. */
  readonly base: readonly string[]
}

/** What a change of one document comes to in another. */
export interface ChangeImage {
  readonly bytes: Uint8Array
  readonly hash: string
  readonly actor: string
  /** The actor of the original, 16 bytes. */
  readonly original: Uint8Array
}

/**
 * The images of all changes of a document that its successor does not hold: each is the
 * difference that the change makes to what was covered and what it builds on.
 *
 * They are a function of the changes and the covered heads alone: actors derive from the
 * original ones, numbers follow theirs, times are 0, the message names the document they
 * come from. What came from the target itself does not go back there. So whoever rebases makes the same
 * changes, and it does no harm that several do.
 *
 * @throws `RangeError` of Automerge for a difference that finds no place.
 */
export function imagesOf(source: RebaseSource, target: RebaseTarget): ChangeImage[] {
  const rebase = new Rebase(source, target)
  const changes = Automerge.getChangesMetaSince(source.doc, [...source.covered])
  return inOrder(changes).flatMap((change) => rebase.add(change) ?? [])
}

type ChangeMeta = ReturnType<typeof Automerge.getChangesMetaSince>[number]

/** Each after those that it builds on, whatever the order in which they came here. */
function inOrder(changes: readonly ChangeMeta[]): readonly ChangeMeta[] {
  const byHash = new Map(changes.map((change) => [change.hash, change]))
  const ordered = new Set<ChangeMeta>()
  // Without recursion: a line of changes is as long as its author was away.
  const open = [...changes].toReversed()
  for (let change = open.at(-1); change; change = open.at(-1)) {
    const before = change.deps.flatMap((hash) => byHash.get(hash) ?? [])
    const missing = before.filter((one) => !ordered.has(one))
    if (missing.length > 0) open.push(...missing)
    else {
      ordered.add(change)
      open.pop()
    }
  }
  return [...ordered]
}

class Rebase {
  readonly #source: RebaseSource
  readonly #target: RebaseTarget
  /** What each change has become: heads in the target. */
  readonly #headsOf = new Map<string, readonly string[]>()
  /** The target with all images so far. */
  #work: AnyDocument
  /** Where the last image was made: most go on from there. */
  #fork: { actor: string; heads: readonly string[]; doc: AnyDocument } | undefined

  constructor(source: RebaseSource, target: RebaseTarget) {
    this.#source = source
    this.#target = target
    this.#work = forkAt(target.doc, target.base)
  }

  /** `undefined` for a change that makes no difference. */
  add({ hash, deps, actor, message }: ChangeMeta): ChangeImage | undefined {
    const { doc, covered } = this.#source
    if (message === messageOf(this.#target.id)) {
      this.#headsOf.set(hash, this.#baseOf(deps))
      return undefined
    }
    const patches = Automerge.diff(doc, [...covered, ...deps], [...covered, hash])
    const base = this.#baseOf(deps)
    const original = hexToBytes(actor)
    const imageActor = deriveImageActor(this.#target.id, original)
    const fork = this.#forkAt(base, imageActor)
    const options = { time: 0, message: messageOf(this.#source.id) }
    const next = Automerge.change(fork, options, (root) => {
      for (const patch of patches) applyPatchTo(root, patch)
    })
    const bytes = next === fork ? undefined : Automerge.getLastLocalChange(next)
    const heads = next === fork ? base : Automerge.getHeads(next).toSorted()
    this.#fork = { actor: imageActor, heads, doc: next }
    this.#headsOf.set(hash, heads)
    const [imageHash] = heads
    if (!bytes || imageHash === undefined) return undefined
    this.#work = Automerge.applyChanges(this.#work, [bytes])[0]
    return { bytes, hash: imageHash, actor: imageActor, original }
  }

  #baseOf(deps: readonly string[]): readonly string[] {
    const heads = deps.flatMap((hash) => this.#headsOf.get(hash) ?? [])
    return heads.length === 0 ? this.#target.base : [...new Set(heads)].toSorted()
  }

  #forkAt(heads: readonly string[], actor: string): AnyDocument {
    const fork = this.#fork
    if (fork?.actor === actor && sameHeads(fork.heads, heads)) return fork.doc
    if (fork) Automerge.free(fork.doc)
    return forkAt(this.#work, heads, actor)
  }
}

function messageOf(sourceId: string): string {
  return `vudo/image/1 ${sourceId}`
}

/** A view of no heads at all would be one of everything. */
function forkAt(doc: AnyDocument, heads: readonly string[], actor?: string): AnyDocument {
  const own = { actor: actor ?? bytesToHex(new Uint8Array(ACTOR_BYTES)) }
  if (heads.length === 0) return Automerge.init(own)
  return Automerge.clone(Automerge.view(doc, [...heads]), own)
}
