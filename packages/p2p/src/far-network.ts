/** The network of a node that runs in a worker, as far as it can be used from the application's thread. */
import { createEventHub, type EventHub } from '@vudo/events'
import type {
  ConnectPeerOptions,
  Network,
  NetworkEvents,
  PeerLists,
  PeerStatus,
  Session,
} from '@vudo/network'
import type { LinkCaller } from '@vudo/sync/worker'
import type { AbortOptions, Address, DialTarget, PeerId, PeerInfo } from '@vudo/transport'
import { P2PError } from './errors.ts'
import type { NodeView } from './worker-messages.ts'

/** Gives what the worker told last, and asks the worker for the rest. */
export class FarNetwork implements Network {
  readonly peerId: PeerId
  readonly events: EventHub<NetworkEvents> = createEventHub<NetworkEvents>()
  readonly #caller: LinkCaller
  readonly #view: () => NodeView

  constructor(peerId: PeerId, caller: LinkCaller, view: () => NodeView) {
    this.peerId = peerId
    this.#caller = caller
    this.#view = view
  }

  get addresses(): readonly Address[] {
    return this.#view().addresses
  }

  async start({ signal }: AbortOptions = {}): Promise<void> {
    await this.#caller.call('start', [], { signal })
  }

  async connectPeer(
    target: DialTarget,
    { signal, ...options }: ConnectPeerOptions = {},
  ): Promise<PeerId> {
    return String(await this.#caller.call('connectPeer', [target, options], { signal }))
  }

  async disconnectPeer(peerId: PeerId): Promise<void> {
    await this.#caller.call('disconnectPeer', [peerId])
  }

  async disconnectAll(): Promise<void> {
    await this.#caller.call('disconnectAll', [])
  }

  async discoverPeers({ signal }: AbortOptions = {}): Promise<PeerInfo[]> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program answers it
    return (await this.#caller.call('discoverPeers', [], { signal })) as PeerInfo[]
  }

  isPeerConnected(peerId: PeerId): boolean {
    return this.#view().peers.some((peer) => peer.peerId === peerId)
  }

  connectedPeers(): PeerStatus[] {
    return [...this.#view().peers]
  }

  /** It ends with the worker. */
  async stop(): Promise<void> {
    this.events.close()
  }

  get instance(): string {
    throw onlyInWorker('network.instance')
  }

  get sessions(): readonly Session[] {
    throw onlyInWorker('network.sessions')
  }

  get bandwidthLimit(): number | undefined {
    return this.#view().bandwidth?.bytesPerSecond
  }

  get peerLists(): PeerLists {
    throw onlyInWorker('network.peerLists')
  }

  session(): Session | undefined {
    throw onlyInWorker('network.session, openChannel, openLatest and request')
  }

  handle(): () => void {
    throw onlyInWorker('handle, respond and handleLatest')
  }

  setBandwidthLimit(): void {
    throw onlyInWorker('network.setBandwidthLimit')
  }

  async setPeerLists(): Promise<void> {
    throw onlyInWorker('network.setPeerLists')
  }

  async join(): Promise<void> {
    throw onlyInWorker('network.join')
  }

  async leave(): Promise<void> {
    throw onlyInWorker('network.leave')
  }
}

/** The error for what deals in live objects of the worker's thread. */
export function onlyInWorker(name: string): P2PError {
  return new P2PError('ERR_P2P_ONLY_IN_WORKER', `${name} can be used only where the node runs`, {
    hint:
      'do it in a module of the worker, in its function setUp(node), and name the module: ' +
      "worker: { module: new URL('./node.ts', import.meta.url) }",
  })
}
