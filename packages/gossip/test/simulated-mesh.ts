/** Nodes with the shipped overlay and router, and sessions between them, in virtual time. */
import type { PeerId } from '@vudo/transport'
import { createNodeKey } from '@vudo/identity'
import type { Overlay, OverlayEffect, OverlayInput } from '../src/membership/overlay.ts'
import type { decodeOverlay, encodeOverlay } from '../src/membership/wire.ts'
import type { RoutedMessage, Router, RouterInit } from '../src/router.ts'
import type { InboundStream } from '../src/router-streams.ts'
import type { guardRpc } from '../src/rpc-guard.ts'
import type { VirtualTime } from './virtual-time.ts'

/** Loaded after the globals are replaced: GossipSub reads the clock when it is loaded. */
export interface Cores {
  readonly Overlay: typeof Overlay
  readonly Router: typeof Router
  readonly guardRpc: typeof guardRpc
  readonly encodeOverlay: typeof encodeOverlay
  readonly decodeOverlay: typeof decodeOverlay
}

export async function loadCores(): Promise<Cores> {
  const [overlay, router, guard, wire] = await Promise.all([
    import('../src/membership/overlay.ts'),
    import('../src/router.ts'),
    import('../src/rpc-guard.ts'),
    import('../src/membership/wire.ts'),
  ])
  return {
    Overlay: overlay.Overlay,
    Router: router.Router,
    guardRpc: guard.guardRpc,
    encodeOverlay: wire.encodeOverlay,
    decodeOverlay: wire.decodeOverlay,
  }
}

/** A session between two nodes; both ends see its end some time later. */
interface SimulatedSession {
  readonly ends: readonly [SimulatedNode, SimulatedNode]
  readonly delayMs: number
  isOpen: boolean
}

/** What a mesh has counted. */
export interface MeshCounts {
  gossipBytes: number
  overlayBytes: number
  /** Most sessions that a node had at one time. */
  maxSessions: number
}

export class SimulatedMesh {
  readonly time: VirtualTime
  readonly cores: Cores
  readonly nodes = new Map<PeerId, SimulatedNode>()
  readonly sessions = new Set<SimulatedSession>()
  readonly counts: MeshCounts = { gossipBytes: 0, overlayBytes: 0, maxSessions: 0 }
  onMessage: (node: SimulatedNode, message: RoutedMessage) => void = () => {}

  readonly #judges: Partial<RouterInit>

  /** @param judges - What routers ask about authors and faults, when it matters. */
  constructor(time: VirtualTime, cores: Cores, judges: Partial<RouterInit> = {}) {
    this.time = time
    this.cores = cores
    this.#judges = judges
  }

  /** Adds a node that knows one other, or none. */
  async add(contact: PeerId | undefined): Promise<SimulatedNode> {
    const { time } = this
    const key = createNodeKey(
      Uint8Array.from({ length: 32 }, () => Math.floor(time.random() * 256)),
    )
    const node = new SimulatedNode(this, key.peerId)
    node.router = await this.cores.Router.create({
      seed: key.seed,
      accept: () => true,
      deliver: (message) => this.onMessage(node, message),
      faultsOf: () => 0,
      onHeartbeat: () => {},
      ...this.#judges,
    })
    this.nodes.set(key.peerId, node)
    if (contact !== undefined) this.connect(node, contact)
    return node
  }

  /** Ends each session with this chance, without telling why. */
  lose(chance: number): number {
    let lost = 0
    for (const session of this.sessions) {
      if (this.time.random() >= chance) continue
      this.end(session)
      lost += 1
    }
    return lost
  }

  /** A session between two nodes, after some time. */
  connect(dialer: SimulatedNode, to: PeerId): void {
    const { time } = this
    const delayMs = 5 + Math.floor(time.random() * 45)
    time.after(2 * delayMs, () => {
      const acceptor = this.nodes.get(to)
      if (acceptor === undefined) return dialer.feed({ type: 'unlinked', peerId: to })
      if (dialer.sessions.has(to)) return
      const session: SimulatedSession = { ends: [dialer, acceptor], delayMs, isOpen: true }
      this.sessions.add(session)
      acceptor.open(session, dialer)
      dialer.open(session, acceptor)
    })
  }

  end(session: SimulatedSession): void {
    if (!session.isOpen) return
    session.isOpen = false
    this.sessions.delete(session)
    const [a, b] = session.ends
    for (const [node, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.time.after(session.delayMs, () => node.lost(session, other.peerId))
    }
  }

  /** How many nodes the first one reaches over neighbours. */
  reach(): number {
    const [first] = this.nodes.values()
    if (first === undefined) return 0
    const seen = new Set([first])
    for (const node of seen) {
      for (const peerId of node.overlay.active) {
        const next = this.nodes.get(peerId)
        if (next !== undefined) seen.add(next)
      }
    }
    return seen.size
  }
}

export class SimulatedNode {
  readonly peerId: PeerId
  readonly overlay: Overlay
  readonly sessions = new Map<PeerId, SimulatedSession>()
  router!: Router
  readonly #mesh: SimulatedMesh
  #wakeAtMs = Infinity

  constructor(mesh: SimulatedMesh, peerId: PeerId) {
    this.#mesh = mesh
    this.peerId = peerId
    const init = {
      peerId,
      addresses: () => ['tcp://192.0.2.1:34569'],
      activePeers: 10,
      isBanned: () => false,
      random: () => mesh.time.random(),
    }
    this.overlay = new mesh.cores.Overlay(init, mesh.time.nowMs)
    this.#wake()
  }

  feed(input: OverlayInput): void {
    for (const effect of this.overlay.handle(input, this.#mesh.time.nowMs)) this.#perform(effect)
    this.#wake()
  }

  #wake(): void {
    const { time } = this.#mesh
    const { wakeAtMs } = this.overlay
    if (wakeAtMs >= this.#wakeAtMs) return
    this.#wakeAtMs = wakeAtMs
    time.after(Math.max(1, Math.ceil(wakeAtMs - time.nowMs)), () => {
      if (this.#wakeAtMs !== wakeAtMs) return
      this.#wakeAtMs = Infinity
      this.feed({ type: 'tick' })
    })
  }

  #perform(effect: OverlayEffect): void {
    const { counts, cores, time } = this.#mesh
    if (effect.type === 'dial') return this.#mesh.connect(this, effect.entry.peerId)
    const to = effect.type === 'send' ? effect.to : effect.peerId
    const session = this.sessions.get(to)
    if (session === undefined) return
    if (effect.type === 'drop') {
      // What was said before the end arrives before it.
      this.sessions.delete(to)
      this.router.removeNeighbour(to)
      time.after(session.delayMs, () => this.#mesh.end(session))
      return
    }
    const bytes = cores.encodeOverlay(effect.message)
    counts.overlayBytes += bytes.length
    time.note(1, bytes.length)
    const far = this.#mesh.nodes.get(to)
    time.after(session.delayMs, () => {
      if (far?.sessions.get(this.peerId) !== session) return
      far.feed({ type: 'message', from: this.peerId, message: cores.decodeOverlay(bytes) })
    })
  }

  open(session: SimulatedSession, other: SimulatedNode): void {
    const { peerId } = other
    this.sessions.set(peerId, session)
    const isOutbound = session.ends[0] === this
    this.router.addNeighbour({ peerId, isOutbound, open: () => this.#sink(session, other) })
    this.feed({ type: 'linked', peerId, isOutbound })
    // What was refused at once has gone again.
    const { counts } = this.#mesh
    counts.maxSessions = Math.max(counts.maxSessions, this.sessions.size)
  }

  lost(session: SimulatedSession, peerId: PeerId): void {
    if (this.sessions.get(peerId) !== session) return
    this.sessions.delete(peerId)
    this.router.removeNeighbour(peerId)
    this.feed({ type: 'unlinked', peerId })
  }

  #sink(
    session: SimulatedSession,
    other: SimulatedNode,
  ): ReturnType<Parameters<Router['addNeighbour']>[0]['open']> {
    const { counts, cores, time } = this.#mesh
    let stream: InboundStream | undefined
    return {
      send: (frame) => {
        counts.gossipBytes += frame.length
        time.note(2, frame.length)
        const copy = frame.slice()
        time.after(session.delayMs, () => {
          if (other.sessions.get(this.peerId) !== session) return
          stream ??= other.router.acceptFrames(this.peerId)
          cores.guardRpc(copy)
          void stream?.push(copy)
        })
        return true
      },
      close: () => stream?.end(),
    }
  }
}
