/** The option `worker`: what it takes, and which options cannot go with it. */
import { registeredTransports } from '@vudo/transport'
import { P2PError } from './errors.ts'
import { invalid } from './option-types.ts'
import type { P2POptions, WorkerOptions } from './options.ts'

/** {@link WorkerOptions}, checked. */
export interface WorkerSettings {
  /** The URL of a module of the application. */
  readonly module: string | undefined
}

/** @throws `TransportError` `ERR_CONFIG_INVALID`. */
export function parseWorker(
  worker: boolean | WorkerOptions | undefined,
): WorkerSettings | undefined {
  if (worker === undefined || worker === false) return undefined
  if (worker === true) return { module: undefined }
  const unknown = Object.keys(worker).find((name) => name !== 'module')
  if (unknown !== undefined) throw invalid(`worker.${unknown}`, 'set', 'only worker.module')
  const { module } = worker
  if (module === undefined) return { module: undefined }
  const href = module instanceof URL ? module.href : module
  if (typeof href === 'string' && URL.canParse(href)) return { module: href }
  throw invalid('worker.module', module, "a URL: new URL('./node.ts', import.meta.url)")
}

/**
 * The options that the worker is given. Functions and objects with methods stay in the thread
 * that made them, and are refused: the node would be another one without them.
 *
 * @throws `P2PError` `ERR_P2P_WORKER_OPTION`.
 */
export function crossingOptions(options: P2POptions): P2POptions {
  if (options.policy !== undefined) throw cannotCross('policy', 'a function')
  if ((options.discoveries?.length ?? 0) > 0) throw cannotCross('discoveries', 'a list of objects')
  const factory = options.transports?.find((one) => typeof one === 'function')
  if (factory !== undefined) throw cannotCross('transports', 'a list with a function')
  return { ...options, worker: false }
}

function cannotCross(name: string, what: string): P2PError {
  return new P2PError('ERR_P2P_WORKER_OPTION', `${name} is ${what}, which no worker can be given`, {
    hint:
      'put it into a module whose default export are options, and name that: ' +
      "worker: { module: new URL('./node.ts', import.meta.url) }",
  })
}

/**
 * With `auto` a node takes the transports that are imported: those that only the application's
 * thread has imported would be missing without a word.
 *
 * @param registered - Names of the transports of the application's thread.
 * @throws `P2PError` `ERR_P2P_WORKER_OPTION`.
 */
export function checkImports(options: P2POptions, registered: readonly string[]): void {
  const { transports, mode = 'auto' } = options
  const isAuto = transports ? transports.includes('auto') : mode === 'auto'
  const here = new Set(registeredTransports())
  const missing = registered.find((name) => !here.has(name))
  if (!isAuto || missing === undefined) return
  throw new P2PError(
    'ERR_P2P_WORKER_OPTION',
    `the transport "${missing}" is imported in the application's thread and not in the worker`,
    {
      hint:
        'import it in a module of the worker, and name that: ' +
        "worker: { module: new URL('./node.ts', import.meta.url) }",
    },
  )
}
