import type { AbortOptions } from './connection.ts'
import type { PeerRecord, Topic } from './peer.ts'

/** Finds peers for every transport: mDNS, a DHT, a relay, a bootstrap list. */
export interface Discovery {
  /** Lower-case, for messages: `mdns`. */
  readonly name: string
  /**
   * True when it hears nobody but the local network: then it may find addresses of a
   * private network, which from anywhere else are not dialled. Left out: false.
   */
  readonly isLocal?: boolean | undefined
  /** Makes `record` findable under `topic` until `withdraw` or `close`; a later record of the same node replaces it. */
  announce(topic: Topic, record: PeerRecord, options?: AbortOptions): Promise<void>
  /** Takes the announcement back. No error when there was none. */
  withdraw(topic: Topic): Promise<void>
  /** The verified, unexpired records known under `topic` after asking once. */
  lookup(topic: Topic, options?: AbortOptions): Promise<PeerRecord[]>
  /**
   * Every record found under `topic` from now on, as it comes, the same peer again
   * when its record changed. Ended by `break` or the signal.
   */
  watch(topic: Topic, options?: AbortOptions): AsyncIterable<PeerRecord>
  /** Stops announcing and frees everything. Idempotent. */
  close(): Promise<void>
}
