/**
 * A transport inside one process, with seeded delay and loss: for tests, and the one
 * to copy. Importing it registers it as `memory`.
 *
 * To make a transport of your own, copy this package, and replace `memory-place.ts`
 * by what reaches your peers. The rest is the swarm's.
 *
 * @packageDocumentation
 */
import { createSwarm } from '@vudo/swarm'
import { registerTransport, type TransportFactory } from '@vudo/transport'
import { createMemoryMedium, type MemoryMedium } from './memory-medium.ts'
import { joinMedium } from './memory-place.ts'
import { createRandom } from './random.ts'

export { createMemoryMedium, type MemoryMedium, type MemoryMediumOptions } from './memory-medium.ts'
export type { MemoryPipe } from './memory-pipe.ts'
export { createRandom } from './random.ts'

/** What {@link memory} takes. */
export interface MemoryOptions {
  /**
   * Who is on the same one can meet.
   *
   * @defaultValue one for the whole program; a new one as soon as another option is given.
   */
  readonly medium?: MemoryMedium | undefined
  /**
   * Seed of the delays and losses of a new medium: the same seed, the same run.
   *
   * @defaultValue 0
   */
  readonly seed?: number | undefined
  /**
   * Milliseconds a message travels on a new medium.
   *
   * @defaultValue 0
   */
  readonly delayMs?: number | undefined
  /**
   * Chance that a message cuts its connection on a new medium, from 0 to 1.
   *
   * @defaultValue 0
   */
  readonly lossRate?: number | undefined
}

const mediumOfAll = createMemoryMedium()

/** Makes a factory; transports of one factory are on one medium. */
export function memory(options: MemoryOptions = {}): TransportFactory {
  const medium = options.medium ?? mediumFor(options)
  return (context) => createSwarm(joinMedium(medium, context.peerId), context)
}

function mediumFor({ seed, delayMs, lossRate }: MemoryOptions): MemoryMedium {
  if (seed === undefined && delayMs === undefined && lossRate === undefined) return mediumOfAll
  return createMemoryMedium({ random: createRandom(seed ?? 0), delayMs, lossRate })
}

registerTransport('memory', memory())
