import * as Automerge from '@automerge/automerge'
import { sameHeads } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'

/**
 * Tells whether what a peer has holds everything that a document held at one moment.
 *
 * Peers say what they have as often as they like, so an answer must not cost a walk
 * through the history: the changes since that moment are followed once each, as they
 * come, and what a peer says is looked up among them.
 */
export class Coverage {
  readonly #state: DocumentState
  /** The heads of that moment. */
  readonly #target: readonly string[]
  /** Which of the target each change holds; nothing for those that hold none of it. */
  readonly #heldByChange: Map<string, ReadonlySet<string>>
  /** The heads up to which the document was followed. */
  #followed: readonly string[]

  constructor(state: DocumentState) {
    this.#state = state
    this.#target = state.heads
    this.#followed = state.heads
    this.#heldByChange = new Map(this.#target.map((head) => [head, new Set([head])]))
  }

  /** Tells whether the history of `theirs` holds all of it. What is unknown here holds nothing. */
  isHeldBy(theirs: readonly string[]): boolean {
    this.#follow()
    const held = new Set<string>()
    for (const hash of theirs) {
      for (const head of this.#heldByChange.get(hash) ?? []) held.add(head)
    }
    return held.size === this.#target.length
  }

  #follow(): void {
    const { doc, heads } = this.#state
    if (!doc || sameHeads(heads, this.#followed)) return
    for (const { hash, deps } of Automerge.getChangesMetaSince(doc, [...this.#followed])) {
      const held = this.#heldBy(deps)
      if (held) this.#heldByChange.set(hash, held)
    }
    this.#followed = heads
  }

  /** The same set for all changes of a line: they are many. */
  #heldBy(deps: readonly string[]): ReadonlySet<string> | undefined {
    const sets = deps.flatMap((hash) => this.#heldByChange.get(hash) ?? [])
    const [first] = sets
    const isOne = sets.every((set) => set === first)
    return isOne ? first : new Set(sets.flatMap((set) => [...set]))
  }
}
