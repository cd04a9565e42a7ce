/** What `createP2P` can be told. How it is checked, and what holds by default: `settings.ts`. */
import type { PeerLists } from '@vudo/network'
import type { Policy } from '@vudo/sync'
import type { Discovery, PeerId, TransportConfig, TransportFactory } from '@vudo/transport'

/** How peers on the local network are found. */
export interface DiscoveryOptions {
  /**
   * Whether to use multicast DNS.
   *
   * @defaultValue true
   */
  readonly enableMdns?: boolean | undefined
  /**
   * Milliseconds between two searches, 1,000 to 86,400,000, each with up to a fifth of
   * jitter; the first is at once. Higher costs less idle traffic and finds later.
   *
   * @defaultValue 30,000
   */
  readonly discoveryIntervalMs?: number | undefined
  /** Another name of {@link discoveryIntervalMs}. */
  readonly peerDiscoveryInterval?: number | undefined
  /** Another name of {@link discoveryIntervalMs}. */
  readonly discoveryInterval?: number | undefined
  /**
   * False, here or at the top, keeps transports from their distributed hash table.
   *
   * @defaultValue true
   */
  readonly enableDht?: boolean | undefined
  /**
   * Name under which this product announces itself: 1 to 40 letters, digits and hyphens.
   *
   * @defaultValue `'vudo'`
   */
  readonly serviceName?: string | undefined
  /**
   * DNS service type. Only programs with the same one find each other.
   *
   * @defaultValue `'_vudo._tcp'`
   */
  readonly serviceType?: string | undefined
  /**
   * IPv4 address of the one interface to use; `127.0.0.1` keeps to this machine.
   *
   * @defaultValue all interfaces
   */
  readonly interface?: string | undefined
}

/** Everything that `createP2P` can be told. All of it may be left out. */
export interface P2POptions extends TransportConfig {
  /**
   * Name of the application; decides the default data directory. 1 to 64 letters, digits,
   * dots, dashes and underscores; the first is a letter or digit.
   *
   * @defaultValue `'vudo'`
   */
  readonly app?: string | undefined
  /**
   * Folder for keys, documents and the ticket. One process owns it.
   *
   * @defaultValue the platform's data directory for `app`
   */
  readonly dataDir?: string | undefined
  /**
   * `'memory'` keeps nothing: fresh keys, an empty database, gone at the end.
   *
   * @defaultValue `'disk'`
   */
  readonly storage?: 'disk' | 'memory' | undefined
  /**
   * Whether the store in the data directory is encrypted, documents and paths: `true` with
   * a key derived from `node.key`, which protects only where that file does not lie beside
   * the store; else 32 bytes that the application keeps, copied. It is decided when the
   * data directory is made. `node.key`, `author.key` and `ticket` stay as they are.
   *
   * @defaultValue false
   */
  readonly encryptionAtRest?: boolean | Uint8Array | undefined
  /**
   * What to take part in: a ticket, or `open:` and the id (1 to 255 bytes) of an open, public
   * database. Kept in the data directory for the next start; the ticket kept before stays
   * beside it, see {@link P2P.replacedTicketFile}.
   *
   * @defaultValue the database of the data directory; a new private one in a new directory
   */
  readonly database?: string | undefined
  /**
   * Transports by name or factory, instead of `mode`: `['tcp', 'libp2p']`. The first one
   * listens on `port`, the others on any free port. `'auto'` among them stands for what
   * that mode takes.
   *
   * @defaultValue what `mode` says; `auto` is TCP, what the application has imported, and the
   *   stacks that its settings are for: `relayUrl`, and addresses of `bootstrapNodes`
   */
  readonly transports?: readonly (string | TransportFactory)[] | undefined
  /**
   * With `mode: 'auto'`: true adds libp2p, false leaves it out even when it is imported.
   *
   * @defaultValue whether `@vudo/transport-libp2p` is imported, or `bootstrapNodes` names one of its nodes
   */
  readonly enableLibp2p?: boolean | undefined
  /** How peers are found. */
  readonly discovery?: DiscoveryOptions | undefined
  /**
   * More ways to find peers, made by the caller, closed by `stop`.
   *
   * @defaultValue none
   */
  readonly discoveries?: readonly Discovery[] | undefined
  /**
   * Who may read, write, delete and administer which path.
   *
   * @defaultValue every member may do everything
   */
  readonly policy?: Policy | undefined
  /**
   * Milliseconds of silence after which a peer is asked for a sign of life, 100 to
   * 3,600,000; it is lost after three questions without an answer. Lower notices sooner and
   * costs idle traffic.
   *
   * @defaultValue 15,000
   */
  readonly heartbeatIntervalMs?: number | undefined
  /** Another name of {@link heartbeatIntervalMs}. */
  readonly heartbeatInterval?: number | undefined
  /**
   * Whether to open Willow as well: entries with rights that can be granted, and erasure that
   * others follow, in `p2p.willow()`. Needs the package `@vudo/willow`.
   *
   * @defaultValue false
   */
  readonly willow?: boolean | undefined
  /**
   * Whether to gossip with all members of the database: topics, presence, and what each peer
   * can do, in `p2p.gossip()`, `p2p.presence()` and `p2p.peersWith()`. With many members, gossip
   * chooses whom to keep sessions with. Needs the package `@vudo/gossip`.
   *
   * @defaultValue false
   */
  readonly gossip?: boolean | undefined
  /**
   * Milliseconds between two looks at what the platform says of the connection, 1,000 to 86,400,000.
   *
   * @defaultValue 60,000
   */
  readonly healthCheckIntervalMs?: number | undefined
  /** Another name of {@link healthCheckIntervalMs}. */
  readonly healthCheckInterval?: number | undefined
  /**
   * Whom to let in, and whom to keep out, by peer id. `network.setPeerLists` changes it later.
   *
   * @defaultValue everybody who has the database
   */
  readonly peers?: PeerLists | undefined
  /**
   * A JSON file with options. It counts less than what the program and the environment say.
   *
   * @defaultValue `config.json` in the data directory, where there is one
   */
  readonly config?: string | undefined
  /**
   * Who this node has to be: refused with `ERR_CONFIG_INVALID` when the data directory holds another key.
   *
   * @defaultValue whoever the data directory says
   */
  readonly peerId?: PeerId | undefined
  /** Another name of {@link peerId}. */
  readonly nodeId?: PeerId | undefined
  /**
   * With `mode: 'auto'`: false leaves out WebRTC even when it is imported.
   *
   * @defaultValue whether it is imported
   */
  readonly enableWebrtc?: boolean | undefined
  /**
   * Megabits per second that this node may send and receive, 0.001 to 1,000,000; 1 is
   * 125,000 bytes. What a person waits for is counted, and does not wait.
   *
   * @defaultValue no limit
   */
  readonly bandwidthLimitMbps?: number | undefined
  /** How much may be used of a connection that costs by the byte. */
  readonly bandwidth?: BandwidthOptions | undefined
  /**
   * Whether the node runs in a worker thread: storage, network and closed documents there, open
   * documents here. Functions cannot cross: an object names the module that has them.
   *
   * @defaultValue false
   */
  readonly worker?: boolean | WorkerOptions | undefined
  /** For the document engine. Idle in this version. */
  readonly sync?: SyncOptions | undefined
  /** A central server to sync with. Idle in this version. @defaultValue none */
  readonly url?: string | undefined
  /** Attempts per operation. Idle in this version: what fails is repeated until it is not wanted. @defaultValue 3 */
  readonly maxRetryAttempts?: number | undefined
  /** Folder for what can be fetched again. Idle in this version. @defaultValue `cache` in the data directory */
  readonly cacheDir?: string | undefined
  /** Bytes in that folder. Idle in this version. @defaultValue 10,000,000,000 */
  readonly cacheLimitBytes?: number | undefined
  /** Transfers at one time. Idle in this version. @defaultValue 3 */
  readonly maxConcurrentTransfers?: number | undefined
  /** Milliseconds without progress. Idle in this version. @defaultValue 300,000 */
  readonly transferTimeoutMs?: number | undefined
  /** Another name of {@link transferTimeoutMs}. */
  readonly transferTimeout?: number | undefined
  /** A page of metrics. Idle in this version. */
  readonly metrics?: { readonly port?: number | undefined } | undefined
}

/** How a node runs in a worker. */
export interface WorkerOptions {
  /**
   * A module that the worker loads first: `new URL('./node.ts', import.meta.url)`, or that URL as
   * text. It imports transports; its default export are options (what `createP2P` was given counts
   * more), or a function that gives them; its export `setUp(node)`, if there is one, is called with
   * the node of the worker before it is used, for protocols, gossip and Willow.
   *
   * @defaultValue none
   */
  readonly module?: string | URL | undefined
}

/** How bandwidth is used. */
export interface BandwidthOptions {
  /**
   * `metered` and `unmetered` say what the connection is; `auto` asks the platform, and takes
   * it for unmetered where that does not tell.
   *
   * @defaultValue `'auto'`
   */
  readonly profile?: BandwidthProfile | undefined
  /** What holds while the connection is metered. */
  readonly metered?:
    | {
        /**
         * Bytes per second, 1 to 10^12; the smaller of this and `bandwidthLimitMbps` counts.
         *
         * @defaultValue 1,000,000
         */
        readonly bytesPerSec?: number | undefined
      }
    | undefined
}

/** See {@link BandwidthOptions.profile}. */
export type BandwidthProfile = 'auto' | 'metered' | 'unmetered'

/** Options of the document engine. But for the interval it has none of them yet: they are checked, kept, and warned about. */
export interface SyncOptions {
  /** @defaultValue true */
  readonly enableAutoSync?: boolean | undefined
  /**
   * Milliseconds, 1 to 2,147,483,647, between looks at whether a peer really holds the same: a
   * safety net, edits travel at once. Less often finds a damaged copy later.
   *
   * @defaultValue 10,000
   */
  readonly syncIntervalMs?: number | undefined
  /** Another name of {@link syncIntervalMs}. */
  readonly syncInterval?: number | undefined
  /** Operations. @defaultValue 1,000 */
  readonly maxBatchSize?: number | undefined
  /** @defaultValue true */
  readonly enableConflictResolution?: boolean | undefined
  /** Milliseconds. @defaultValue 30,000 */
  readonly syncTimeoutMs?: number | undefined
  /** Another name of {@link syncTimeoutMs}. */
  readonly syncTimeout?: number | undefined
  /** Milliseconds between two rounds in the background. @defaultValue 30,000 */
  readonly backgroundIntervalMs?: number | undefined
  /** Retries of such a round. @defaultValue 3 */
  readonly backgroundRetries?: number | undefined
  /** First pause between retries, in milliseconds; it doubles. @defaultValue 5,000 */
  readonly backgroundBackoffMs?: number | undefined
}
