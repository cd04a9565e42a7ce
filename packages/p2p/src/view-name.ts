import type { Ticket } from '@vudo/identity'
import { derivePrivateTopic, deriveTopic, topicToHex } from '@vudo/topic'

/**
 * Databases share the store and not their keys. The secret belongs to the name: a ticket
 * that gives the id of a private database with another secret, or with none, must not
 * show its documents to strangers. 128 bits fit into the 64 bytes of a view's name.
 */
export function viewName({ databaseId, secret }: Ticket): string {
  const topic = secret ? derivePrivateTopic(databaseId, secret) : deriveTopic(databaseId)
  return `db-${topicToHex(topic).slice(0, 32)}`
}
