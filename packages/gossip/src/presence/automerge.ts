/**
 * Presence as automerge-repo 2.5.6 writes it in ephemeral messages, to and from rooms: for an
 * application that has both, or moves from one to the other.
 *
 * There a peer tells single fields (`update`, by `channel`), all of them (`snapshot`), that it is
 * still there (`heartbeat`) and that it goes (`goodbye`); here it always tells all of them.
 */
import type { PresenceState } from './wire.ts'

/** The payload of an ephemeral message of automerge-repo's presence. */
export interface AutomergePresenceMessage {
  readonly __presence:
    | { readonly type: 'update'; readonly channel: string; readonly value: unknown }
    | { readonly type: 'snapshot'; readonly state: PresenceState }
    | { readonly type: 'heartbeat' }
    | { readonly type: 'goodbye' }
}

/** What such a message means for an entry of a room. */
export type AutomergePresenceNews =
  /** Show this state; the same as before after a heartbeat. */
  | { readonly type: 'state'; readonly state: PresenceState }
  /** Leave. */
  | { readonly type: 'goodbye' }

/**
 * The message that tells automerge-repo of a state.
 *
 * @param before - What it was told last: when one field has changed, only that is told. Fields
 *   that are gone are told as `null`, as automerge-repo takes none away.
 */
export function presenceToAutomerge(
  state: PresenceState,
  before?: PresenceState,
): AutomergePresenceMessage {
  if (before === undefined) return { __presence: { type: 'snapshot', state } }
  const fields = new Set([...Object.keys(state), ...Object.keys(before)])
  const changed = [...fields].filter((name) => !isSame(fieldOf(state, name), fieldOf(before, name)))
  const [channel] = changed
  if (channel === undefined) return { __presence: { type: 'heartbeat' } }
  if (changed.length === 1) {
    return { __presence: { type: 'update', channel, value: fieldOf(state, channel) ?? null } }
  }
  const gone = changed.filter((name) => !Object.hasOwn(state, name)).map((name) => [name, null])
  return { __presence: { type: 'snapshot', state: { ...state, ...Object.fromEntries(gone) } } }
}

/** The message that tells automerge-repo that somebody has gone. */
export function goodbyeToAutomerge(): AutomergePresenceMessage {
  return { __presence: { type: 'goodbye' } }
}

/**
 * What an ephemeral message of automerge-repo means.
 *
 * @param message - From anybody: nothing about it is trusted.
 * @param before - What its sender has shown until now; `undefined` when nothing.
 * @returns `undefined` when it is no presence message, or a heartbeat of somebody who has
 *   shown nothing yet.
 */
export function automergeToPresence(
  message: unknown,
  before?: PresenceState,
): AutomergePresenceNews | undefined {
  const body = isRecord(message) ? fieldOf(message, '__presence') : undefined
  if (!isRecord(body)) return undefined
  const [type, channel] = [fieldOf(body, 'type'), fieldOf(body, 'channel')]
  if (type === 'goodbye') return { type }
  if (type === 'heartbeat') return before && { type: 'state', state: before }
  const fields = type === 'snapshot' ? fieldOf(body, 'state') : undefined
  if (isRecord(fields)) return { type: 'state', state: merged(before, Object.entries(fields)) }
  if (type !== 'update' || typeof channel !== 'string') return undefined
  return { type: 'state', state: merged(before, [[channel, fieldOf(body, 'value')]]) }
}

/** As automerge-repo does it: what is not named stays. `undefined` is no value in a state. */
function merged(
  before: PresenceState | undefined,
  fields: readonly (readonly [string, unknown])[],
): PresenceState {
  // A name of an object's machinery must not become more than a name.
  const known = fields.filter(([name, value]) => name !== '__proto__' && value !== undefined)
  return { ...before, ...Object.fromEntries(known) }
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

function fieldOf(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
