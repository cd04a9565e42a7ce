/** What the demo asks its nodes. */
import { isMap } from '../control/protocol.ts'
import type { DemoNode } from './demo-node.ts'
import { historiesOf } from './documents.ts'

/** One connection between the two nodes. */
export interface DemoPath {
  readonly transport: string
  /** True when it goes over a relay. */
  readonly relayed: boolean
}

/** What lets another node join. */
export async function ticketOf(node: DemoNode): Promise<string> {
  const answer = await node.control.call('ticket')
  return isMap(answer) ? String(answer['ticket']) : ''
}

/** The connections of a node's session with another, the one in use first; none when there is no session. */
export async function pathsBetween(node: DemoNode, other: DemoNode): Promise<readonly DemoPath[]> {
  const status = await node.control.call('status')
  const peer = mapsOf(status, 'peers').find(({ peerId }) => peerId === other.peerId)
  return mapsOf(peer, 'paths').map(({ transport, relayed }) => ({
    transport: String(transport),
    relayed: relayed === true,
  }))
}

/** Shows a node in the room of a document, and gives the names that others show there. */
export async function seenBy(node: DemoNode, document: string): Promise<readonly string[]> {
  const state = { name: node.name, cursor: 0 }
  const answer = await node.control.call('presence', { path: document, state })
  return mapsOf(answer, 'peers').map(({ state: shown }) =>
    isMap(shown) ? String(shown['name']) : '',
  )
}

/** Tells whether two nodes have the same documents with the same heads, and any at all. */
export async function agree(a: DemoNode, b: DemoNode): Promise<boolean> {
  const [ours, theirs] = await Promise.all([historiesOf(a.control), historiesOf(b.control)])
  return ours.lines.length > 0 && ours.lines.join('\n') === theirs.lines.join('\n')
}

function mapsOf(value: unknown, field: string): Record<string, unknown>[] {
  const list = isMap(value) ? value[field] : undefined
  return Array.isArray(list) ? list.filter(isMap) : []
}
