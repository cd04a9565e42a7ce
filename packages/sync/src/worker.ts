/**
 * Documents in one thread, their engine in another: `serveDatabase` in a worker thread, where
 * storage, network and closed documents are, and `connectDatabase` in the application's.
 *
 * @packageDocumentation
 */
export { connectDatabase } from './connect-database.ts'
export {
  createLinkAnswerer,
  createLinkCaller,
  type CallerPort,
  type LinkAnswerer,
  type LinkCaller,
  type LinkCallOptions,
} from './link-calls.ts'
export { receiveError, sendError } from './link-errors.ts'
export type {
  AnswerMessage,
  CallMessage,
  CancelMessage,
  PackedValue,
  SentError,
  ValueMark,
  ValuePlace,
} from './link-messages.ts'
export { packValue, unpackValue } from './link-values.ts'
export { createLinkPort, type LinkPort, type MessageEnd } from './link-port.ts'
export { serveDatabase, type ServedDatabase } from './serve-database.ts'
