/** What a relay client needs of a WebSocket: few enough that Node and browsers fit alike. */

/** An open WebSocket. */
export interface RelaySocket {
  /** Whether it takes more right now; after `false`, `onRoom` is called once there is room. */
  hasRoom(): boolean
  /** Sends one binary message; taken over. */
  send(bytes: Uint8Array): void
  /** Closes it. */
  close(): void
}

/** What a socket tells. */
export interface SocketEvents {
  /** It is open; called once, before anything else. */
  readonly onOpen: (socket: RelaySocket) => void
  /** The bytes belong to the receiver, and may be a view. */
  readonly onMessage: (bytes: Uint8Array) => void
  readonly onRoom: () => void
}

/**
 * Opens a WebSocket, and settles when it has ended: with the close code of RFC 6455 section 7.4.
 *
 * @param options - The signal ends it, open or not.
 * @throws Any error when it cannot be opened, and the signal's reason.
 */
export type ConnectSocket = (
  url: URL,
  events: SocketEvents,
  options: { readonly signal: AbortSignal },
) => Promise<number>
