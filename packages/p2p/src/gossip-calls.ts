/** The part of a node that gossips; what each call does is told by {@link P2P}. */
import type { EventHub } from '@vudo/events'
import type * as vudo from '@vudo/gossip'
import type { ChannelHandler, Network } from '@vudo/network'
import { parsePath, type Policy } from '@vudo/sync'
import type { PeerId } from '@vudo/transport'
import { P2PError } from './errors.ts'
import { isForEveryMember, type Gossiping } from './gossip.ts'
import type { P2PEvents } from './p2p.ts'
import { ProtocolCalls } from './protocol-calls.ts'

/** What of a node's own protocols its peers are told. */
const ownProtocols = ['/vudo/sync/1', '/vudo/gossip/1']

/** As many as an announcement may name. */
const maxAnnounced = 64

/** Extended by the node, which knows what is open. */
export abstract class GossipCalls extends ProtocolCalls {
  abstract readonly events: EventHub<P2PEvents>

  /** @throws `P2PError` `ERR_P2P_STOPPED`, `ERR_GOSSIP_DISABLED`. */
  protected abstract get gossiping(): Gossiping
  /** The same, or `undefined` while there is none. */
  protected abstract get openGossiping(): Gossiping | undefined
  protected abstract get policy(): Policy | undefined

  gossip(): vudo.Gossip {
    return this.gossiping.gossip
  }

  presence(path = '', state?: vudo.PresenceState): vudo.Presence {
    const { rooms } = this.gossiping
    const parsed = path === '' ? '' : parsePath(path)
    if (!isForEveryMember(this.policy, parsed)) {
      throw new P2PError('ERR_PRESENCE_NOT_ALLOWED', `not every member may read ${parsed}`, {
        hint: 'presence reaches every member of the database: show it where all may read',
      })
    }
    const presence = rooms.enter(parsed, state)
    if (!this.#forwarded.has(presence)) this.#forwardPresence(presence)
    return presence
  }

  readonly #forwarded = new WeakSet<vudo.Presence>()

  #forwardPresence(presence: vudo.Presence): void {
    this.#forwarded.add(presence)
    for (const type of ['presence:joined', 'presence:changed', 'presence:left'] as const) {
      presence.events.on(type, (event) => void this.events.publish(type, event))
    }
  }

  peersWith(name: vudo.CapabilityName): readonly PeerId[] {
    return this.gossiping.capabilities.peersWith(name)
  }

  capabilitiesOf(peerId: PeerId): vudo.Capabilities | undefined {
    return this.gossiping.capabilities.of(peerId)
  }

  setCapabilities(
    capabilities: Pick<Partial<vudo.Capabilities>, 'relay' | 'blobs' | 'storageBytes'>,
  ): void {
    const { relay, blobs, storageBytes } = capabilities
    const given = { relay, blobs, storageBytes }
    const said = Object.entries(given).filter(([, value]) => value !== undefined)
    this.gossiping.capabilities.set(Object.fromEntries(said))
  }

  override handle(protocol: string, handler: ChannelHandler): () => void {
    const remove = super.handle(protocol, handler)
    this.#announceProtocols()
    return () => {
      remove()
      this.#announceProtocols()
    }
  }

  protected override attach(network: Network, databaseId: string): void {
    super.attach(network, databaseId)
    this.#announceProtocols()
    this.openGossiping?.capabilities.events.on('peer:capabilities', (event) => {
      this.events.publish('peer:capabilities', event)
    })
  }

  #announceProtocols(): void {
    const protocols = [...ownProtocols, ...this.handled].slice(0, maxAnnounced)
    this.openGossiping?.capabilities.set({ protocols })
  }
}
