import { moveBase, type ReadableDocument, type UndoStep } from './document-history.ts'
import { MAX_UNDO_STEPS } from './limits.ts'

/** Takes a step back in the document; `undefined` when nothing of it is left. What it throws leaves the step where it was. */
export type TakeBack = (step: UndoStep) => UndoStep | undefined

/** The changes of one handle that can be taken back, and those that took some back. */
export class UndoStack {
  /** Newest last. */
  readonly #undoable: UndoStep[] = []
  readonly #redoable: UndoStep[] = []
  readonly #document: Pick<ReadableDocument, 'open'>
  readonly #takeBack: TakeBack

  constructor(document: Pick<ReadableDocument, 'open'>, takeBack: TakeBack) {
    this.#document = document
    this.#takeBack = takeBack
  }

  /** The handle has made a change: what was taken back before it stays so. */
  changed(hash: string): void {
    remember(this.#undoable, hash)
    this.#redoable.length = 0
  }

  /** Takes back the newest change, or the one with this hash. @returns Whether anything was left of it. */
  undo(hash?: string): boolean {
    if (hash === undefined) return this.#take(this.#undoable, this.#redoable)
    return this.#take([{ hash, base: [hash] }], this.#undoable)
  }

  /** Takes back what was taken back last. @returns Whether anything was left of it. */
  redo(): boolean {
    return this.#take(this.#redoable, this.#undoable)
  }

  #take(from: UndoStep[], to: UndoStep[]): boolean {
    const taken = from.pop()
    if (!taken) return false
    const undone = this.#tryTakeBack(taken, from)
    if (!undone) return false
    moveBase(this.#document, from.at(-1), { taken, undone })
    remember(to, undone.hash)
    return true
  }

  /** A disk that is full, or a right that comes back, is no reason to forget what can be undone. */
  #tryTakeBack(taken: UndoStep, from: UndoStep[]): UndoStep | undefined {
    try {
      return this.#takeBack(taken)
    } catch (error) {
      from.push(taken)
      throw error
    }
  }
}

function remember(steps: UndoStep[], hash: string): void {
  steps.push({ hash, base: [hash] })
  if (steps.length > MAX_UNDO_STEPS) steps.shift()
}
