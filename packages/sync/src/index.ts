/**
 * The Automerge sync engine: documents under paths, stored durably, authored by signature, synced between peers.
 *
 * @packageDocumentation
 */
export {}
