import type { FakeDisk } from '@vudo/storage'

/**
 * The fake disk of `@vudo/storage` as a simulated node sees it: what was appended can be
 * read when it is durable, and not before, as in a store with group commit. That may be
 * any time between `syncDisk` and its answer. `replace` is for the start of a life: it
 * puts an older copy of the disk in its place.
 */
export type SimulatedDisk = Pick<FakeDisk, 'get' | 'scan' | 'append' | 'replace'>
