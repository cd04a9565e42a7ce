import type { StoreOperation } from '@vudo/storage'
import { encodeProof, type ActorOrigin, type ActorProof } from './authorship.ts'
import { proofKey } from './stored-keys.ts'

const noProofs = new Map<string, ActorProof>()
const noActors = new Set<string>()

/** The proof of each actor's newest change in one document, and which of them are in no write yet. */
export class ProofBook {
  /** Empty while the document is closed, as most documents are: all of these share one. */
  #proofs: Map<string, ActorProof> = noProofs
  #unwritten: Set<string> = noActors
  #isComplete = false

  /** True while an actor without a proof here has none in the store either. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** The actors that have a proof here. */
  get actors(): readonly string[] {
    return [...this.#proofs.keys()]
  }

  /** All of them. */
  get all(): readonly ActorProof[] {
    return [...this.#proofs.values()]
  }

  /** How many wait for the next write. */
  get unwrittenCount(): number {
    return this.#unwritten.size
  }

  get(actor: string): ActorProof | undefined {
    return this.#proofs.get(actor)
  }

  /**
   * Takes what was read from the store. What came since may not be in the store yet: it stays.
   *
   * @param isAll - Nothing of it was damaged.
   */
  restore(stored: readonly ActorProof[], isAll: boolean): void {
    this.#isComplete = isAll
    const read = stored.map((proof) => [proof.actor, proof] as const)
    this.#proofs = new Map([...read, ...this.#proofs])
  }

  /** Whose an actor is, if that can be told for all its changes at once. */
  authorOf(actor: string): ActorOrigin | undefined {
    const proof = this.#proofs.get(actor)
    if (!proof?.nonce || proof.isImage) return undefined
    return { author: proof.author, nonce: proof.nonce }
  }

  /** Keeps proofs that came with changes. */
  add(proofs: readonly ActorProof[]): void {
    if (proofs.length === 0) return
    // The shared empty ones stay empty.
    if (this.#proofs === noProofs) this.#proofs = new Map()
    if (this.#unwritten === noActors) this.#unwritten = new Set()
    for (const proof of proofs) {
      this.#proofs.set(proof.actor, proof)
      this.#unwritten.add(proof.actor)
    }
  }

  /** Frees the memory of proofs that are stored. */
  release(): void {
    this.#proofs = noProofs
    this.#isComplete = false
  }

  /** Forgets all, also what is in no write yet. */
  clear(): void {
    this.release()
    this.#unwritten = noActors
  }

  /** The operations that write what is new. */
  writeOperations(documentId: string): StoreOperation[] {
    const operations = [...this.#unwritten].flatMap((actor): StoreOperation[] => {
      const proof = this.#proofs.get(actor)
      if (!proof) return []
      return [{ type: 'put', key: proofKey(documentId, actor), value: encodeProof(proof) }]
    })
    this.#unwritten = noActors
    return operations
  }
}
