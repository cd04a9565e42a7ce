/**
 * One database for all pages of an origin: the end in the page. The other one, in the worker, is `@vudo/sync/page-worker`.
 *
 * @packageDocumentation
 */
export { connectWorker, type DatabaseWorker, type WorkerInit } from './connect-worker.ts'
