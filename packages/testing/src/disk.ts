import type { FakeDisk } from '@vudo/storage'

/** The fake disk of `@vudo/storage` as a simulated node sees it: what was appended is read back at once, and durable only after `syncDisk`. */
export type SimulatedDisk = Pick<FakeDisk, 'get' | 'scan' | 'append'>
