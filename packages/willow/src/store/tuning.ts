import {
  DEFAULT_CACHED_PAGES,
  MAX_CHANGES_UNSAVED,
  MAX_COMMIT_CHANGES,
  MAX_DIRTY_PAGES,
  MAX_GROUP_PAGES,
  MAX_PAGE_ROWS,
} from '../limits.ts'
import type { TreeSizes } from './page-tree.ts'

/** Sizes that change nothing but speed and memory. Tests make them small, so that every case occurs. */
export interface StoreTuning extends TreeSizes {
  /** Pages whose rows stay in memory, 2 or more. */
  readonly cachedPages: number
  /** Stored pages that may differ from what was saved. */
  readonly maxDirtyPages: number
  /** Changes after which the sums are saved. */
  readonly maxChangesUnsaved: number
  /** Changes of one commit; pruning takes several when there are more. */
  readonly maxCommitChanges: number
}

/** What stores are given. */
export const defaultTuning: StoreTuning = {
  maxPageRows: MAX_PAGE_ROWS,
  maxGroupPages: MAX_GROUP_PAGES,
  cachedPages: DEFAULT_CACHED_PAGES,
  maxDirtyPages: MAX_DIRTY_PAGES,
  maxChangesUnsaved: MAX_CHANGES_UNSAVED,
  maxCommitChanges: MAX_COMMIT_CHANGES,
}
