/** What a node's two ends say to each other when the node runs in a worker thread; documents go over a port of their own. */
import type { NetworkEvents, PeerStatus } from '@vudo/network'
import type { AnswerMessage, CallMessage, CancelMessage, PackedValue } from '@vudo/sync/worker'
import type { Address, PeerId } from '@vudo/transport'
import type { BandwidthState } from './bandwidth.ts'
import type { OptionReport } from './configuration.ts'
import type { P2POptions } from './options.ts'

/** What the worker begins with. */
export interface WorkerInput {
  /** Without functions, and without `worker`. */
  readonly options: P2POptions
  /** The URL of the application's module. */
  readonly module: string | undefined
  /** Names of the transports that the application's thread has imported. */
  readonly registered: readonly string[]
  /** For the documents. */
  readonly port: MessagePort
}

/** What does not change while a node is open. */
export interface OpenedNode {
  readonly peerId: PeerId
  readonly authorId: string
  readonly ticket: string
  readonly replacedTicketFile: string | undefined
  readonly configuration: readonly OptionReport[]
}

/** What can be read of a node at any time. */
export interface NodeView {
  readonly transports: readonly string[]
  readonly addresses: readonly Address[]
  readonly peers: readonly PeerStatus[]
  /** `undefined` once it is stopped. */
  readonly bandwidth: BandwidthState | undefined
}

/** An event of the network whose payload is no live object. */
export type CrossingEvent =
  | 'peer:discovered'
  | 'peer:connected'
  | 'peer:disconnected'
  | 'peer:refused'
  | 'dial:ended'
  | 'surroundings:changed'
  | 'search:failed'

/** All of them. */
export const crossingEvents: readonly (CrossingEvent & keyof NetworkEvents)[] = [
  'peer:discovered',
  'peer:connected',
  'peer:disconnected',
  'peer:refused',
  'dial:ended',
  'surroundings:changed',
  'search:failed',
]

/** What the application's thread says. */
export type NodeRequest = CallMessage | CancelMessage

/** What the worker says. A view comes before the answer or the event that it belongs to. */
export type NodeMessage =
  | AnswerMessage
  | { readonly type: 'view'; readonly view: NodeView }
  | { readonly type: 'event'; readonly name: CrossingEvent; readonly payload: PackedValue }
  | { readonly type: 'bandwidth'; readonly state: BandwidthState }
