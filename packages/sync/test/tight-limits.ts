/** Limits so tight that a few edits reach them, for simulations: what is shipped is reached in lives of hours. */
import type * as shipped from '../src/limits.ts'

type Limits = Record<keyof typeof shipped, number>

/** Takes the place of `limits.ts`. What belongs together stays in its proportion. */
export function tightLimits(original: Limits): Limits {
  return {
    ...original,
    // Documents that stay in memory, and those whose last changes do.
    MAX_IDLE_DOCUMENTS: 1,
    MAX_LOGS: 1,
    FORGOTTEN_CHANGES: 2,
    // Changes that are remembered: those of two writes at least.
    MAX_LOGGED_CHANGES: 16,
    MAX_APPENDED_CHANGES: 4,
    // Chunks, and when they are joined or written anew.
    MAX_CHUNKS: 4,
    SMALL_CHUNKS_BYTES: 512,
    MAX_LATER_BYTES: 1_024,
    MAX_CLOSED_LATER_BYTES: 2_048,
    MAX_FLUSH_DOCUMENTS: 1,
    MANY_EDITS: 4,
    MAX_LIVE_WINDOW: 2,
    MAX_SENT_EDITS: 8,
  }
}
