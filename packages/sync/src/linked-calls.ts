import type { DatabaseEvents } from './sync-types.ts'

/** A method of a database that is answered in the worker just as it is. */
export type ForwardedCall =
  | 'whenReady'
  | 'readDoc'
  | 'writeDoc'
  | 'remove'
  | 'deleted'
  | 'restore'
  | 'forget'
  | 'compact'
  | 'epochs'
  | 'exportSpace'
  | 'importSpace'
  | 'blobReferences'
  | 'isBlobReferenced'
  | 'forgetPeer'
  | 'rename'
  | 'admit'
  | 'ls'
  | 'hasHeads'
  | 'addOperations'
  | 'syncWithPeer'
  | 'whenSynced'
  | 'syncWith'

/** At which place the options of each have a signal, which does not cross by itself. */
export const forwardedCalls: Readonly<Record<ForwardedCall, number | undefined>> = {
  whenReady: undefined,
  readDoc: undefined,
  writeDoc: undefined,
  remove: undefined,
  deleted: undefined,
  restore: undefined,
  forget: undefined,
  compact: undefined,
  epochs: undefined,
  exportSpace: undefined,
  importSpace: undefined,
  blobReferences: undefined,
  isBlobReferenced: undefined,
  forgetPeer: undefined,
  rename: undefined,
  admit: undefined,
  ls: undefined,
  hasHeads: undefined,
  addOperations: 1,
  syncWithPeer: 1,
  whenSynced: 0,
  syncWith: 2,
}

/** Tells whether a name is one of them. */
export function isForwarded(name: string): name is ForwardedCall {
  return Object.hasOwn(forwardedCalls, name)
}

const every = {
  'document:changed': true,
  'document:deleted': true,
  'document:deleted-with-edits': true,
  'document:broadcast': true,
  'document:edits-refused': true,
  'storage:full': true,
  'storage:writable': true,
  'document:quarantined': true,
  'sync:status': true,
  'sync:progress': true,
  warning: true,
  'blob:unreferenced': true,
  'peer:fault': true,
  'worker:ended': true,
} as const satisfies Record<keyof DatabaseEvents, true>

/** All events of a database. One that is missing does not compile. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a literal of that type
export const databaseEvents = Object.keys(every) as readonly (keyof DatabaseEvents)[]
