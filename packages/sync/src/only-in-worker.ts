import { SyncError } from './errors.ts'

/** The error for what can be asked only where the engine is. */
export function onlyInWorker(name: string, hint: string): SyncError {
  return new SyncError('ERR_ONLY_IN_WORKER', `${name} is answered only in the worker`, { hint })
}
