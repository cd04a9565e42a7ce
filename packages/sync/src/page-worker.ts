/**
 * One database for all pages of an origin: the end in the worker, a SharedWorker or a dedicated one.
 *
 * This entry loads nothing by itself. The program of a worker that imports Automerge, and so the rest
 * of this package, in the usual way begins too late to hear the first page: Automerge is loaded in a
 * top-level await, and what is said until then is lost.
 *
 * @packageDocumentation
 */
export { servePages, type PagesInit } from './serve-pages.ts'
