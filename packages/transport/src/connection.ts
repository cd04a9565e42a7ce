import type { Address, PeerId } from './peer.ts'

/** What every asynchronous call takes last. */
export interface AbortOptions {
  /** Ends the call early: it rejects with `signal.reason`, unchanged. */
  readonly signal?: AbortSignal | undefined
}

/** How a connection reaches its peer. */
export interface ConnectionPath {
  /** The name of the transport. */
  readonly transport: string
  /** True when a third machine passes the bytes on. */
  readonly relayed: boolean
  /** The far end's address, where the transport knows one. */
  readonly address?: Address | undefined
  /** Round-trip time in milliseconds, where the transport has measured it. */
  readonly rttMs?: number | undefined
  /** True on the side that dialled. */
  readonly outbound: boolean
}

/** How a connection ended. */
export interface CloseReason {
  /** True when one end closed it on purpose and the other was told. */
  readonly clean: boolean
  /** Why it did not end cleanly, or the reason that was given to `close`. */
  readonly error?: Error | undefined
}

/**
 * A proven way to one peer, carrying whole messages of 1 byte or more in order and
 * without loss while it lives. It belongs to the peer and not to a topic: every
 * topic that both ends joined yields the same connection.
 */
export interface Connection extends AsyncIterable<Uint8Array> {
  /** PROVEN by the handshake, never claimed. */
  readonly peerId: PeerId
  readonly path: ConnectionPath
  /**
   * Sends one message and settles when more may be sent: it stays pending while
   * the far end does not read, and memory stays bounded. Settling means "taken
   * over", not "arrived".
   *
   * @param message - 1 to `features.maxMessageBytes` bytes. Taken over: do not
   *   change it until the call has settled.
   * @throws `TransportError` `ERR_MESSAGE_SIZE`, and nothing was sent.
   * @throws `TransportError` `ERR_CONNECTION_CLOSED` or `ERR_CONNECTION_LOST`.
   */
  send(message: Uint8Array, options?: AbortOptions): Promise<void>
  /**
   * The next message, or `undefined` when the far end closed cleanly.
   *
   * The buffer belongs to the caller. Do not mix with iterating.
   *
   * @throws `TransportError` `ERR_CONNECTION_LOST` or `ERR_PEER_PROTOCOL` when it ended otherwise.
   */
  receive(options?: AbortOptions): Promise<Uint8Array | undefined>
  /** Another ordered message pipe to the same peer, where the medium has native streams. */
  openPipe?(options?: AbortOptions): Promise<Pipe>
  /** Closes, telling the far end. Idempotent; settles when everything is released. */
  close(reason?: Error): Promise<void>
  /** Settles, never rejects, when the connection has ended, whoever ended it. */
  readonly closed: Promise<CloseReason>
}

/** Carries whole messages in order, proving nothing: what a medium gives before anybody has shown a key. */
export interface Pipe {
  /** The largest message the medium takes, in bytes. */
  readonly maxMessageBytes: number
  /** Settles when more may be sent. The message is taken over until then. */
  send(message: Uint8Array): Promise<void>
  /** The next message, in a buffer that belongs to the caller; `undefined` when the pipe has ended. */
  receive(options?: AbortOptions): Promise<Uint8Array | undefined>
  /** Ends the pipe at once in both directions. Idempotent. */
  close(): Promise<void>
}

/** One message of a {@link Link}. */
export interface LinkMessage {
  /** True on the lane of the swarm, false on that of the application. */
  readonly isControl: boolean
  readonly bytes: Uint8Array
}

/**
 * A proven connection with two lanes: the application's messages, and a few small
 * control messages by which the two swarms agree on topics. What a transport hands
 * to its swarm; applications never see it.
 */
export interface Link {
  /** PROVEN by the handshake, never claimed. */
  readonly peerId: PeerId
  readonly path: ConnectionPath
  /** As {@link Connection.send}. The sizes have been checked. */
  send(message: Uint8Array, options?: AbortOptions): Promise<void>
  /** As {@link send}, on the control lane; in order with the messages around it. */
  sendControl(message: Uint8Array): Promise<void>
  /** The next message of either lane; `undefined` after a clean close. */
  receive(options?: AbortOptions): Promise<LinkMessage | undefined>
  openPipe?(options?: AbortOptions): Promise<Pipe>
  /** As {@link Connection.close}. */
  close(reason?: Error): Promise<void>
  readonly closed: Promise<CloseReason>
}
