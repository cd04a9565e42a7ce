import type { EventHub } from '@vudo/events'
import { documentIdToUrl } from './document-id.ts'
import { collectionOf } from './paths.ts'
import type { ReplicaEvent } from './replica-effects.ts'
import type { DatabaseEvents, DocumentChange, SyncStatus } from './sync-types.ts'

/** Tells the application what a replica tells. @returns false for what is told as a status. */
export function publishEvent(events: EventHub<DatabaseEvents>, event: ReplicaEvent): boolean {
  switch (event.type) {
    case 'document:changed':
    case 'document:deleted':
      if (events.listenerCount > 0) events.publish(event.type, changeOf(event))
      return true
    case 'document:deleted-with-edits': {
      const { path, id, origin } = event
      events.publish(event.type, { path, documentId: documentIdToUrl(id), origin })
      return true
    }
    case 'document:broadcast': {
      const { path, id, peerId, author, content } = event
      events.publish(event.type, { path, documentId: documentIdToUrl(id), peerId, author, content })
      return true
    }
    case 'storage:full':
    case 'storage:writable':
      events.publish(event.type, {})
      return true
    case 'blob:unreferenced':
      events.publish(event.type, { hash: event.hash })
      return true
    case 'document:quarantined': {
      const { path, id, peerId, reason } = event
      const documentId = documentIdToUrl(id)
      events.publish(event.type, { path, documentId, peerId, reason })
      return true
    }
    case 'peer:fault': {
      const { peerId, code, message } = event
      events.publish(event.type, { peerId, code, message })
      return true
    }
    case 'warning':
      events.publish('warning', { path: event.path, message: event.message })
      return true
    default:
      return false
  }
}

function changeOf(
  event: ReplicaEvent & { type: 'document:changed' | 'document:deleted' },
): DocumentChange {
  const { path, origin, id } = event
  const isDeleted = event.type === 'document:deleted'
  return {
    type: isDeleted ? 'deleted' : 'changed',
    path,
    collection: collectionOf(path),
    // Most listeners look at the path: the text of an id costs three hashes.
    get documentId() {
      return documentIdToUrl(id)
    },
    origin,
    created: !isDeleted && event.created,
  }
}

/** What `sync:status` tells: another text, another state. */
export function stateText({ state, peers }: SyncStatus): string {
  return [state, ...peers.map((peer) => peer.peerId + peer.state)].join()
}

/** What `sync:progress` tells. */
export function numberText({ ahead, behind, pendingBytes }: SyncStatus): string {
  return [ahead, behind, pendingBytes].join()
}
