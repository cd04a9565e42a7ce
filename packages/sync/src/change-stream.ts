import type { EventHub, HubEvent, Subscription } from '@vudo/events'
import type { AbortOptions } from '@vudo/transport'
import type { DatabaseEvents, DocumentChange } from './sync-types.ts'

type ChangeEvent = HubEvent<DatabaseEvents, 'document:changed' | 'document:deleted'>

/** The changes from now on for which `isWanted` says so; leaving the loop ends it. */
export function followChanges(
  events: EventHub<DatabaseEvents>,
  isWanted: (change: DocumentChange) => boolean,
  { signal }: AbortOptions,
): AsyncIterable<DocumentChange> {
  // At once and not when the loop begins: what happens in between belongs to it.
  const subscription = events.subscribe<'document:changed' | 'document:deleted'>({
    types: ['document:changed', 'document:deleted'],
    bufferSize: 1_024,
    signal,
  })
  return { [Symbol.asyncIterator]: () => wanted(subscription, isWanted) }
}

async function* wanted(
  subscription: Subscription<ChangeEvent>,
  isWanted: (change: DocumentChange) => boolean,
): AsyncGenerator<DocumentChange, void> {
  for await (const { payload } of subscription) if (isWanted(payload)) yield payload
}

/** Calls `listener` for each change of one document. @returns Takes it away again. */
export function listenTo(
  events: EventHub<DatabaseEvents>,
  documentId: string,
  listener: (change: DocumentChange) => void,
): () => void {
  const forward = (change: DocumentChange): void => {
    if (change.documentId === documentId) listener(change)
  }
  const stops = [events.on('document:changed', forward), events.on('document:deleted', forward)]
  return () => {
    for (const stop of stops) stop()
  }
}
