/**
 * Who may come in below the swarm. The stack's own limits turn away whoever comes last, so one
 * stranger who takes every place keeps out everybody else; here she only pushes out herself.
 */
import type { Connection, ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { MAX_CONNECTIONS_PER_PEER, MAX_HALF_OPEN_PER_HOST } from './limits.ts'

/** Guards a node. */
export interface Door {
  readonly gater: ConnectionGater
  /** Call it for each connection that has opened: makes room for the next one where little is left. */
  opened(): void
}

/** What {@link createDoor} takes. */
export interface DoorInit {
  /** Connections from which on each new one pushes out an old one. */
  readonly crowdedFrom: number
  /** Those of one peer, or all. */
  readonly connections: (id?: PeerId) => readonly Connection[]
  /** Whether a stream of this protocol makes a connection worth keeping. */
  readonly isUseful: (protocol: string) => boolean
}

/** Makes a door that is open. */
export function createDoor(init: DoorInit): Door {
  const halfOpen = createHalfOpenCount()
  return {
    gater: {
      denyInboundConnection: (raw) => !halfOpen.enter(raw),
      denyInboundEncryptedConnection: (id) =>
        isStranger(id) || init.connections(id).length >= MAX_CONNECTIONS_PER_PEER,
      denyInboundUpgradedConnection: (_id, raw) => {
        halfOpen.leave(raw)
        return false
      },
      denyOutboundEncryptedConnection: isStranger,
    },
    opened() {
      const connections = init.connections()
      if (connections.length < init.crowdedFrom) return
      const isIdle = ({ direction, streams }: Connection): boolean =>
        direction === 'inbound' && !streams.some(({ protocol }) => init.isUseful(protocol))
      mostCrowded(connections.filter(isIdle))?.abort(new Error('others need the place'))
    },
  }
}

/** Peers are known by an Ed25519 key; whoever has another one is nobody to us. */
function isStranger({ type }: PeerId): boolean {
  return type !== 'Ed25519'
}

/** The oldest connection of the IP address that has most of them. */
function mostCrowded(connections: readonly Connection[]): Connection | undefined {
  const byHost = Map.groupBy(connections, ({ remoteAddr }) => hostOf(remoteAddr))
  const [most] = [...byHost.values()].toSorted((a, b) => b.length - a.length)
  return most?.reduce((a, b) => (b.timeline.open < a.timeline.open ? b : a))
}

interface HalfOpenCount {
  enter(raw: MultiaddrConnection): boolean
  leave(raw: MultiaddrConnection): void
}

/** Counts handshakes under way by IP address: nobody alone takes all that there may be. */
function createHalfOpenCount(): HalfOpenCount {
  const byHost = new Map<string, Set<MultiaddrConnection>>()
  const leave = (raw: MultiaddrConnection): void => {
    const host = hostOf(raw.remoteAddr)
    const present = byHost.get(host)
    present?.delete(raw)
    if (present?.size === 0) byHost.delete(host)
  }
  return {
    enter(raw) {
      const host = hostOf(raw.remoteAddr)
      const present = byHost.get(host) ?? new Set()
      if (present.size >= MAX_HALF_OPEN_PER_HOST) return false
      byHost.set(host, present.add(raw))
      raw.addEventListener('close', () => leave(raw), { once: true })
      return true
    },
    leave,
  }
}

/** The IP address a connection comes from, or the relay's; a name where there is none. */
function hostOf(address: { toString(): string }): string {
  return address.toString().split('/')[2] ?? ''
}
