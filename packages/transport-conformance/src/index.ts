/**
 * The suite that a transport has to pass, for the test runner of your choice.
 *
 * @packageDocumentation
 */
export { createBulletinBoard, type BulletinBoard } from './bulletin-board.ts'
export type { ConformanceCase } from './cases/case.ts'
export { ConformanceError, type ConformanceErrorCode } from './errors.ts'
export type { Joined } from './joined.ts'
export * from './limits.ts'
export type {
  ConformanceOptions,
  RawAccess,
  RawEnd,
  TestFunction,
  TransportManifest,
} from './options.ts'
export { resultsToTable, type CaseResult } from './results.ts'
export type { Meeting, Peer, Scene } from './scene.ts'
export { conformanceCases, testTransport } from './test-transport.ts'
