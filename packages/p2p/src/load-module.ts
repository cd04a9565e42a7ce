import { P2PError } from './errors.ts'

/** What a module of the application may export. */
export interface WorkerModule {
  readonly default?: unknown
  readonly setUp?: unknown
}

/**
 * Loads the module that the option `worker` names.
 *
 * @throws `P2PError` `ERR_P2P_WORKER_OPTION`.
 */
export async function loadModule(url: string): Promise<WorkerModule> {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is looked at
    return (await import(url)) as WorkerModule
  } catch (cause) {
    throw new P2PError('ERR_P2P_WORKER_OPTION', `worker.module ${url} cannot be loaded`, {
      cause,
      hint: 'is the URL right? The cause says what happened',
    })
  }
}
