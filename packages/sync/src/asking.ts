import type { Replica } from './replica.ts'

/** What a database lets its parts do. */
export interface Asking {
  /** Runs a task on the replica. */
  call<Result>(task: (replica: Replica) => Result): Result
  /** Runs one that answers later; the store's failure and the end of the database answer as well. */
  answered<Answer>(
    ask: (
      replica: Replica,
      resolve: (answer: Answer) => void,
      reject: (error: unknown) => void,
    ) => void,
  ): Promise<Answer>
}
