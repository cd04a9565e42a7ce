import type { AuthorisedEntry } from '@vudo/meadowcap'
import { MAX_BATCH_ENTRIES } from '../limits.ts'
import type { InsertOutcome } from './store.ts'

/** Entries that passed the write check and wait for their turn. */
export interface InsertionJob {
  readonly entries: readonly AuthorisedEntry[]
  readonly origin: string | undefined
}

/** What inserts jobs in one transaction: the outcomes of each, in the order of its entries. */
export type InsertJobs = (jobs: readonly InsertionJob[]) => Promise<InsertOutcome[][]>

interface WaitingJob extends InsertionJob {
  readonly resolve: (outcomes: InsertOutcome[]) => void
  readonly reject: (error: unknown) => void
}

/** Entries in line. Those that wait together go in one transaction. */
export class InsertionLine {
  readonly #insert: InsertJobs
  readonly #takeTurn: (task: () => Promise<void>) => Promise<void>
  #jobs: WaitingJob[] = []

  /** @param takeTurn - Runs a task alone, after all earlier ones. */
  constructor(insert: InsertJobs, takeTurn: (task: () => Promise<void>) => Promise<void>) {
    this.#insert = insert
    this.#takeTurn = takeTurn
  }

  /** Settles when they are durable. */
  add(job: InsertionJob): Promise<InsertOutcome[]> {
    const { promise, resolve, reject } = Promise.withResolvers<InsertOutcome[]>()
    this.#jobs.push({ ...job, resolve, reject })
    void this.#takeTurn(() => this.#run())
    return promise
  }

  /** Never rejects: whoever waits for a job is told. */
  async #run(): Promise<void> {
    const jobs = takeJobs(this.#jobs)
    if (jobs.length === 0) return
    try {
      const outcomes = await this.#insert(jobs)
      for (const [at, job] of jobs.entries()) job.resolve(outcomes[at]!)
    } catch (error) {
      for (const job of jobs) job.reject(error)
    }
  }
}

/** Takes the first jobs out of the line, as many as fit into one transaction. */
function takeJobs(jobs: WaitingJob[]): WaitingJob[] {
  let count = 0
  let taken = 0
  while (taken < jobs.length && count + jobs[taken]!.entries.length <= MAX_BATCH_ENTRIES) {
    count += jobs[taken]!.entries.length
    taken += 1
  }
  return jobs.splice(0, taken)
}
