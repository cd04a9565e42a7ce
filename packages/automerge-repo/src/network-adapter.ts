import type {
  Message,
  NetworkAdapterEvents,
  NetworkAdapterInterface,
  PeerId,
  PeerMetadata,
} from '@automerge/automerge-repo'
import type { Channel, Network } from '@vudo/network'
import { EventEmitter } from 'eventemitter3'
import { AdapterPeer } from './adapter-peer.ts'
import type { AdapterHello, AdapterMessage } from './adapter-wire.ts'
import { MAX_UNFINISHED_BYTES, READY_GRACE_MS } from './limits.ts'
import { toRepoMessage } from './repo-messages.ts'
import { linkSessions } from './session-links.ts'
import { SharedBytes } from './shared-bytes.ts'

/** A Repo's network over our sessions. Give it to one Repo. */
export interface VudoNetworkAdapter extends NetworkAdapterInterface {
  /** How peers see this process with `names: 'node'`: its node id and instance, 97 characters. */
  readonly nodeName: string
  /** Begins to meet peers. The Repo calls it, also again after `disconnect`; without metadata what was said before holds. */
  connect(peerId: PeerId, peerMetadata?: PeerMetadata): void
  /** Sends to the peer of `targetId`. Never throws: what nobody is there for, and what is no message, is dropped. */
  send(message: Message): void
  /** Leaves every peer and stops to meet others; the network stays as it is. Idempotent. */
  disconnect(): void
}

/** What {@link createNetworkAdapter} takes. */
export interface NetworkAdapterInit {
  /** Sessions with peers; it stays the caller's. */
  readonly network: Network
  /** The id of a database that the network has joined: its members are the Repo's peers, and nobody else. */
  readonly database: string
  /**
   * How peers are called. `node`: by what their session has proven, node id and instance,
   * whatever their Repos call themselves. `repo`: as their Repos call themselves; of several
   * that claim one name the first has it, and nobody can tell whether rightly.
   *
   * @defaultValue `'node'`
   */
  readonly names?: 'node' | 'repo' | undefined
}

/**
 * A network adapter for automerge-repo 2.5.
 *
 * Each peer is one process of a member, over however many connections its session has.
 * `send` never throws: what cannot be sent is dropped, and the sync begins anew with the next
 * channel. `disconnect` leaves the network alone; `connect` may follow, also without metadata.
 */
export function createNetworkAdapter(init: NetworkAdapterInit): VudoNetworkAdapter {
  return new SessionAdapter(init)
}

class SessionAdapter extends EventEmitter<NetworkAdapterEvents> implements VudoNetworkAdapter {
  peerId?: PeerId
  peerMetadata?: PeerMetadata
  readonly nodeName: string
  readonly #init: NetworkAdapterInit
  readonly #peersByName = new Map<string, AdapterPeer>()
  readonly #speaking = new Set<AdapterPeer>()
  readonly #unfinished = new SharedBytes(MAX_UNFINISHED_BYTES)
  readonly #ready = Promise.withResolvers<void>()
  #isReady = false
  #timer: NodeJS.Timeout | undefined
  #unlink: (() => void) | undefined

  constructor(init: NetworkAdapterInit) {
    super()
    this.#init = init
    this.nodeName = `${init.network.peerId}-${init.network.instance}`
  }

  isReady(): boolean {
    return this.#isReady
  }

  whenReady(): Promise<void> {
    return this.#ready.promise
  }

  connect(peerId: PeerId, peerMetadata?: PeerMetadata): void {
    this.disconnect()
    this.peerId = peerId
    if (peerMetadata) this.peerMetadata = peerMetadata
    // Nobody is there to wait for when the device is alone.
    this.#timer = setTimeout(() => this.#becomeReady(), READY_GRACE_MS)
    const { network, database } = this.#init
    this.#unlink = linkSessions(network, database, (channel) => this.#speak(channel))
  }

  #becomeReady(): void {
    clearTimeout(this.#timer)
    this.#isReady = true
    this.#ready.resolve()
  }

  async #speak(channel: Channel): Promise<boolean> {
    const peer = new AdapterPeer(channel, this.#unfinished)
    let name: string | undefined
    this.#speaking.add(peer)
    await peer.speak(this.#hello(), {
      onHello: (hello) => {
        name = this.#nameOf(peer, hello)
        return name !== undefined && this.#welcome(name, peer, hello)
      },
      onMessage: (message) => this.#deliver(message, name ?? ''),
    })
    this.#speaking.delete(peer)
    if (name !== undefined) this.#forget(name, peer)
    return name !== undefined
  }

  #hello(): AdapterHello {
    const { storageId, isEphemeral } = this.peerMetadata ?? {}
    return {
      peerId: this.peerId ?? this.nodeName,
      ...(storageId === undefined ? {} : { storageId }),
      ...(isEphemeral === undefined ? {} : { isEphemeral }),
    }
  }

  #nameOf({ session }: AdapterPeer, hello: AdapterHello): string | undefined {
    if (this.#init.names !== 'repo') return `${session.peerId}-${session.instance}`
    const holder = this.#peersByName.get(hello.peerId)?.session
    const isFree = !holder || isSameProcess(holder, session)
    return isFree && hello.peerId !== this.peerId ? hello.peerId : undefined
  }

  #welcome(name: string, peer: AdapterPeer, { storageId, isEphemeral }: AdapterHello): boolean {
    const former = this.#peersByName.get(name)
    if (former) {
      // The same process in a new session, or with a new channel.
      this.#forget(name, former)
      former.end()
    }
    this.#peersByName.set(name, peer)
    this.#becomeReady()
    const peerMetadata = {
      ...(storageId === undefined ? {} : { storageId }),
      ...(isEphemeral === undefined ? {} : { isEphemeral }),
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- automerge-repo brands its texts and checks none
    this.emit('peer-candidate', { peerId: name, peerMetadata } as NetworkAdapterCandidate)
    return true
  }

  #forget(name: string, peer: AdapterPeer): void {
    if (this.#peersByName.get(name) !== peer) return
    this.#peersByName.delete(name)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    this.emit('peer-disconnected', { peerId: name as PeerId })
  }

  #deliver({ message, origin }: AdapterMessage, name: string): void {
    if (origin !== undefined && this.#speaksForItself(origin, name)) return
    const full = { ...message, senderId: origin ?? name, targetId: this.peerId }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    this.emit('message', full as unknown as Message)
  }

  /** What others pass on for a peer that is here, or for this one, is a copy or a lie. */
  #speaksForItself(origin: string, name: string): boolean {
    if (this.#init.names === 'repo' || origin === name) return false
    return origin === this.nodeName || this.#peersByName.has(origin)
  }

  send(message: Message): void {
    const peer = this.#peersByName.get(message.targetId)
    if (!peer) return
    try {
      const body = toRepoMessage({ ...message })
      if (!body) return
      const isPassedOn = message.senderId !== this.peerId
      peer.send(isPassedOn ? { message: body, origin: message.senderId } : { message: body })
    } catch {
      // What is no message would be none at the far end either.
    }
  }

  disconnect(): void {
    this.#unlink?.()
    this.#unlink = undefined
    clearTimeout(this.#timer)
    for (const peer of this.#speaking) peer.end()
    for (const [name, peer] of this.#peersByName) this.#forget(name, peer)
  }
}

interface NetworkAdapterCandidate {
  readonly peerId: PeerId
  readonly peerMetadata: PeerMetadata
}

function isSameProcess(
  a: { readonly peerId: string; readonly instance: string },
  b: { readonly peerId: string; readonly instance: string },
): boolean {
  return a.peerId === b.peerId && a.instance === b.instance
}
