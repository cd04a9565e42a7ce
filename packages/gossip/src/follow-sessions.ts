import type { Session } from '@vudo/network'
import type { GossipNetwork } from './gossip.ts'

/** Takes what happens to the sessions that share a database. */
export interface SessionFollower {
  /** A session shares the database, or is one that may. */
  readonly add: (session: Session) => void
  /** A session does not share it any more, or has ended. It may not have been added. */
  readonly remove: (session: Session) => void
}

/**
 * Follows the sessions that share a database: those that stand already, and those to come.
 *
 * @returns Ends it.
 */
export function followSessions(
  { events, sessions }: GossipNetwork,
  database: string,
  { add, remove }: SessionFollower,
): () => void {
  const stops = [
    events.on('database:shared', ({ session, databaseId }) => {
      if (databaseId === database) add(session)
    }),
    events.on('database:unshared', ({ session, databaseId }) => {
      if (databaseId === database) remove(session)
    }),
    events.on('session:ended', ({ session }) => remove(session)),
  ]
  for (const session of sessions) add(session)
  return () => {
    for (const stop of stops) stop()
  }
}
