import type { SavedPages, StoredPage } from './backing.ts'
import type { Page } from './page.ts'
import type { StoreTuning } from './tuning.ts'

/**
 * What of the sums is stored, and what differs from that: which stored pages must be marked
 * as dirty, because what was saved of them is not to be relied on, and what the next saving
 * has to write.
 */
export class UnsavedPages {
  readonly #tuning: StoreTuning
  readonly #unsaved = new Set<Page>()
  #dropped = new Set<number>()
  #stored = new Set<number>()
  /** Stored pages that are marked as dirty, or will be with the next commit. */
  #dirty = new Set<number>()
  #newlyDirty: number[] = []
  #changes = 0

  constructor(tuning: StoreTuning) {
    this.#tuning = tuning
  }

  /** Starts from what is stored. */
  load(stored: readonly StoredPage[], strayPages: readonly number[]): void {
    this.#unsaved.clear()
    this.#dropped = new Set(strayPages)
    this.#newlyDirty = []
    this.#changes = 0
    this.#stored = new Set([...stored.map(({ id }) => id), ...strayPages])
    this.#dirty = new Set(stored.filter(({ sum }) => sum === undefined).map(({ id }) => id))
  }

  /** The page was found anew: it is to be saved, and what is stored of it is marked already. */
  add(page: Page): void {
    this.#unsaved.add(page)
  }

  /** Something in the page has changed. */
  change(page: Page): void {
    this.#changes += 1
    this.#unsaved.add(page)
    this.#markDirty(page.origin)
  }

  /** The page is no more. */
  forget(page: Page): void {
    this.#unsaved.delete(page)
    if (this.#stored.has(page.id)) this.drop(page.id)
  }

  /** From now on its range is another page's, so what was saved of it is not to be relied on. */
  drop(id: number): void {
    this.#dropped.add(id)
    this.#markDirty(id)
  }

  #markDirty(id: number): void {
    if (this.#dirty.has(id)) return
    this.#dirty.add(id)
    this.#newlyDirty.push(id)
  }

  /** The pages that the next commit has to mark as dirty. */
  get newlyDirty(): readonly number[] {
    return this.#newlyDirty
  }

  /** Tells whether so much has changed that the sums should be saved, which bounds what a crash costs. */
  get isDue(): boolean {
    const { maxDirtyPages, maxChangesUnsaved } = this.#tuning
    return this.#dirty.size >= maxDirtyPages || this.#changes >= maxChangesUnsaved
  }

  /** Whether anything differs from what was saved. */
  get isUnsaved(): boolean {
    return this.#unsaved.size > 0 || this.#dropped.size > 0
  }

  /** What is to be saved. Must be committed before anything else happens. */
  take(): SavedPages {
    const saved = {
      pages: [...this.#unsaved],
      dropped: [...this.#dropped],
      cleaned: [...this.#dirty],
    }
    // In this order: a new page may have the number of one that is gone.
    for (const id of saved.dropped) this.#stored.delete(id)
    for (const page of saved.pages) {
      page.origin = page.id
      this.#stored.add(page.id)
    }
    this.#unsaved.clear()
    this.#dropped.clear()
    this.#dirty.clear()
    this.#newlyDirty = []
    this.#changes = 0
    return { ...saved, count: this.#stored.size }
  }

  /** What was marked is durable now. */
  committed(): void {
    this.#newlyDirty = []
  }
}
