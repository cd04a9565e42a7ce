import type { EventHub, EventType } from '@vudo/events'
import type { NetworkEvents } from '@vudo/network'
import type { DatabaseEvents } from '@vudo/sync'

// An event that is missing here, or is none, does not compile.
const networkEvents = {
  'peer:discovered': true,
  'peer:connected': true,
  'peer:disconnected': true,
  'peer:refused': true,
  'session:started': true,
  'session:interrupted': true,
  'session:resumed': true,
  'session:ended': true,
  'session:silent': true,
  'path:added': true,
  'path:removed': true,
  'path:changed': true,
  'database:shared': true,
  'database:unshared': true,
  'dial:ended': true,
  'search:failed': true,
  'surroundings:changed': true,
} as const satisfies Record<EventType<NetworkEvents>, true>

const databaseEvents = {
  'document:changed': true,
  'document:deleted': true,
  'document:deleted-with-edits': true,
  'document:broadcast': true,
  'document:edits-refused': true,
  'worker:ended': true,
  'storage:full': true,
  'storage:writable': true,
  'blob:unreferenced': true,
  'document:quarantined': true,
  'sync:status': true,
  'sync:progress': true,
  warning: true,
  'peer:fault': true,
} as const satisfies Record<EventType<DatabaseEvents>, true>

/** Publishes what the network tells on `to` as well, until the network's hub closes. */
export function forwardNetworkEvents(
  from: EventHub<NetworkEvents>,
  to: Pick<EventHub<NetworkEvents>, 'publish'>,
): void {
  forward(from, to, networkEvents)
}

/** Publishes what the database tells on `to` as well, until the database's hub closes. */
export function forwardDatabaseEvents(
  from: EventHub<DatabaseEvents>,
  to: Pick<EventHub<DatabaseEvents>, 'publish'>,
): void {
  forward(from, to, databaseEvents)
}

/** Listens to each event instead of subscribing to all: nothing is buffered, so nothing is dropped or late. */
function forward<Events extends object>(
  from: EventHub<Events>,
  to: Pick<EventHub<Events>, 'publish'>,
  types: Record<EventType<Events>, true>,
): void {
  for (const name of Object.keys(types)) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a literal of that type
    const type = name as EventType<Events>
    from.on(type, (payload) => to.publish(type, payload))
  }
}
