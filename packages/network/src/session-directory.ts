/** The sessions of a node, looked up by whom they are with. */
import type { PeerId } from '@vudo/transport'
import type { SessionEntry } from './handshake.ts'
import type { PeerStatus } from './network.ts'
import type { SessionDriver } from './session-driver.ts'
import type { SessionPath } from './session.ts'

/** Every session that has not ended. */
export class SessionDirectory {
  readonly #drivers = new Map<SessionEntry, SessionDriver>()

  /** A copy: what happens while it is walked through does not disturb. */
  all(): SessionDriver[] {
    return [...this.#drivers.values()]
  }

  /** The sessions with `peerId`: one per process that holds its key. */
  with(peerId: PeerId): SessionDriver[] {
    return this.all().filter((driver) => driver.peerId === peerId)
  }

  /** The session with `peerId` that has a connection now. */
  attached(peerId: PeerId): SessionDriver | undefined {
    return this.with(peerId).find((driver) => driver.isAttached)
  }

  /** The session with `peerId` that has a connection which answers, as far as is known. */
  answering(peerId: PeerId): SessionDriver | undefined {
    return this.with(peerId).find(({ paths }) => paths.some((path) => path.isAnswering))
  }

  /** Every connection to `peerId`, over all sessions, and what was measured on it. */
  paths(peerId: PeerId): SessionPath[] {
    return this.with(peerId).flatMap(({ paths }) => paths)
  }

  of(entry: SessionEntry): SessionDriver | undefined {
    return this.#drivers.get(entry)
  }

  add(entry: SessionEntry, driver: SessionDriver): void {
    this.#drivers.set(entry, driver)
  }

  /** Forgets a session, and says which it was. */
  remove(driver: SessionDriver): SessionEntry | undefined {
    for (const [entry, other] of this.#drivers) {
      if (other !== driver) continue
      this.#drivers.delete(entry)
      return entry
    }
    return undefined
  }

  /** What each session with a connection looks like from outside. */
  statuses(): PeerStatus[] {
    return this.all().flatMap(({ peerId, path, rttMs, sinceMs, databases }) =>
      path === undefined ? [] : [{ peerId, path, rttMs, sinceMs, databases: [...databases] }],
    )
  }
}
