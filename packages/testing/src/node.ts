import type { SimulatedDisk } from './disk.ts'
import type { Random } from './random.ts'

/** A connection as its two ends name it: the same number at both, never used twice in a simulation. */
export type ConnectionId = number

/**
 * What runs on a simulated node: a protocol core with a thin driver around it. The
 * simulator calls it for every event and never two at a time. It must not throw: a
 * peer's fault, a full disk or a lost connection is an event and not an exception.
 *
 * Everything it remembers outside its disk is gone after a crash; the next life
 * begins with another call of its boot function.
 */
export interface SimulatedNode {
  /** The connection is open. `isOutbound` is true at the end that called `connect`. */
  connected(connection: ConnectionId, peerName: string, isOutbound: boolean): void
  /** One whole message, in a buffer that belongs to the node. */
  received(connection: ConnectionId, bytes: Uint8Array): void
  /** The connection was closed by the far end or cut, or never came about. Not called for one's own `close`. */
  closed(connection: ConnectionId): void
  /** A timer that was set has run out. */
  timer(name: string): void
  /** Everything appended before the `syncDisk` with this token survives a crash from here on. */
  diskSynced?(token: number): void
}

/**
 * The only things a simulated node may use: no clock, no randomness, no socket and no
 * file besides these. Once the node has lost power nothing here has an effect any
 * more, so a crash can fall between any two effects of one event.
 */
export interface NodeEnvironment {
  readonly name: string
  /** This node's own randomness, a new one in each life. */
  readonly random: Random
  /** Keeps what was synced, and by luck some of what was not. */
  readonly disk: SimulatedDisk
  /** Milliseconds of virtual time since the simulation began. */
  now(): number
  /** Calls `timer(name)` in `inMs` milliseconds; an earlier timer of that name is replaced. */
  setTimer(name: string, inMs: number): void
  /** Forgets the timer of that name. No error when there is none. */
  clearTimer(name: string): void
  /**
   * Opens a connection, answered by `connected` or `closed` after a while. It carries
   * messages in order and without loss until it is closed or cut; a cut loses what is
   * under way, and each end learns of it only some time later.
   *
   * The node of that name may be added later, but before the call arrives.
   *
   * @throws `RangeError` when the name is the node's own.
   */
  connect(to: string): ConnectionId
  /**
   * Sends one message; bytes are copied. Nothing happens when the connection has ended.
   *
   * @throws `RangeError` when the connection is not open yet, or never was.
   */
  send(connection: ConnectionId, bytes: Uint8Array): void
  /** Closes after what was sent; the far end is told. Nothing happens when it has ended. */
  close(connection: ConnectionId): void
  /** Makes what was appended durable, answered by `diskSynced(token)`. A crash before the answer may lose it. */
  syncDisk(token: number): void
  /**
   * Tells the outside something, for example that a write is acknowledged: runs
   * `effect` now, unless the node has lost power. Tests keep their books in here, or
   * they would count promises of a node that was dead already.
   */
  tell(effect: () => void): void
}

/** Starts a life of a node: called by `addNode` and after every crash, with what is on the disk. */
export type Boot = (environment: NodeEnvironment) => SimulatedNode
