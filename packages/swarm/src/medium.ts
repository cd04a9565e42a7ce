import type {
  AbortOptions,
  Address,
  Link,
  PeerId,
  PeerInfo,
  Pipe,
  Topic,
  TransportFeatures,
} from '@vudo/transport'

/**
 * What carries bytes: the only part that differs from transport to transport.
 * `createSwarm` makes a complete transport out of it.
 *
 * A medium gives either links or pipes. One that proves the peer's key itself (TLS,
 * QUIC) gives a `Link` and says `features.provesPeer`. All others give a `Pipe`, and
 * the swarm secures it: a medium never has to invent a handshake, and cannot hand up
 * a peer id that nobody proved.
 */
export interface Medium {
  /** Lower-case; also the scheme of the medium's addresses, `<name>://…`. */
  readonly name: string
  readonly features: TransportFeatures
  /**
   * True when two ends that dial each other at one time get one connection out of it: then
   * neither waits for the other. Left out: the end with the larger peer id waits a second.
   */
  readonly settlesTies?: boolean | undefined
  /**
   * Begins to accept. Called once at most.
   *
   * @param accept - Called for everything that comes in, before any costly handshake. It never throws.
   * @returns The addresses that others can dial, best first; empty where nobody can.
   * @throws `TransportError` `ERR_ADDRESS_IN_USE`.
   */
  listen(accept: Accept, options: AbortOptions): Promise<readonly Address[]>
  /**
   * Opens a way to `address`. The swarm watches the time: a medium has to give up when
   * the signal fires, and need not reject with its reason.
   *
   * @param address - Begins with `<name>://` and has at most `MAX_ADDRESS_CHARACTERS`
   *   characters. `<name>://<peer id>` when a peer was found without an address.
   * @throws `TransportError` `ERR_ADDRESS_INVALID` or `ERR_DIAL_FAILED`; any other error counts as the latter.
   */
  dial(address: Address, options: MediumDialOptions): Promise<Link | Pipe>
  /** Makes this node findable, where the medium discovers by itself (`features.discovers`). A later call replaces the earlier one. */
  announce?(topic: Topic, self: Announcement, options: AbortOptions): Promise<void>
  /** Takes an announcement back. No error when there was none. */
  withdraw?(topic: Topic): Promise<void>
  /** Who is findable under `topic` right now. May contain this node. */
  lookup?(topic: Topic, options: AbortOptions): Promise<readonly PeerInfo[]>
  /** Every peer that becomes findable from now on, as it comes. Ended by `break` or the signal. */
  watch?(topic: Topic, options: AbortOptions): AsyncIterable<PeerInfo>
  /** Ends everything that is still open, links and pipes too. Called once, when the transport disconnects. */
  close(): Promise<void>
}

/** Takes what comes in. Decides first, on the address alone, whether it may cost anything. */
export type Accept = (incoming: Incoming) => void

/** Somebody at the door. The swarm calls exactly one of {@link open} and {@link refuse}, during `accept`. */
export interface Incoming {
  /** The far end's IP address, or whatever the limits per address shall count. Left out: no limit per address. */
  readonly remoteAddress?: string | undefined
  /** What the connection's `path.address` will say. */
  readonly address?: Address | undefined
  /** Goes on: for a medium that proves the peer this is its handshake. The signal fires when it takes too long. */
  open(signal: AbortSignal): Promise<Link | Pipe>
  /** Turns it away at no cost. */
  refuse(): void
}

/** What {@link Medium.dial} is given. */
export interface MediumDialOptions {
  /** Fires when time is over, when the caller gave up, and when the transport closes. */
  readonly signal: AbortSignal
  /** Who is meant to be there. The swarm checks it as well. */
  readonly expected?: PeerId | undefined
}

/** How a node presents itself to a medium that discovers. */
export interface Announcement {
  readonly id: PeerId
  /** What `listen` returned. */
  readonly addresses: readonly Address[]
}

/** Tells a link, whose peer is proven, from a pipe. */
export function isLink(far: Link | Pipe): far is Link {
  return 'peerId' in far
}
