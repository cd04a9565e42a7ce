import type { ConformanceOptions } from '../options.ts'
import type { Scene } from '../scene.ts'

/** One sentence of the contract, put to the test. */
export interface ConformanceCase {
  /** Stable, kebab-case: what results are listed under. */
  readonly id: string
  /** What a transport has to do, as the runner shows it. */
  readonly title: string
  /** Why the case cannot run against this transport. Core cases have none: they never skip. */
  readonly skipReason?: (options: ConformanceOptions) => string | undefined
  readonly run: (scene: Scene) => Promise<void>
}
