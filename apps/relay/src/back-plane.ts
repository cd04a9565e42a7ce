/**
 * What carries frames between the relays of one operator. Delivery is at most once: after
 * each interruption `onGap` is called, once the subscriptions are in force again, and the
 * relay resets the pairs that cross. Nothing is stored.
 */
export interface BackPlane {
  /** False while the server behind it is away. */
  readonly isUp: boolean
  /** Settles when what others publish there arrives here. Never rejects: without the server it waits for its return. */
  subscribe(subject: string): Promise<void>
  unsubscribe(subject: string): void
  /**
   * Hands a message over, or returns false: it is lost. Never waits. The bytes are taken over.
   * With `frame`, a client's, `bytes` is what stands before each of that client's, and remains
   * its maker's; frames for one subject may leave together at the end of the turn.
   */
  publish(subject: string, bytes: Uint8Array, frame?: Uint8Array): boolean
  close(): Promise<void>
}

/** What a back-plane tells its relay. */
export interface BackPlaneEvents {
  /** One message or several in one; the bytes belong to the receiver. What this relay published itself may come back. */
  readonly onMessage: (bytes: Uint8Array) => void
  /** Something may have been missed. */
  readonly onGap: () => void
}

/** No other relay exists. */
export const memoryBackPlane: BackPlane = {
  isUp: true,
  subscribe: () => Promise.resolve(),
  unsubscribe: () => undefined,
  publish: () => true,
  close: () => Promise.resolve(),
}
