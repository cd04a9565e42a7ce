/*
 * Connections that have not proven a key: how many there may be, and for how long. At a
 * limit the oldest gives way instead of the newest being refused: an honest client needs
 * milliseconds, so it gets in while somebody holds thousands of silent ones open.
 */
import type { Socket } from 'node:net'
import type { RelayLimits } from './limits.ts'
import { networkOf } from './network-of.ts'

/** See {@link createDoors}. */
export interface Doors {
  readonly halfOpenCount: number
  /** Somebody has opened a connection. */
  knock(socket: Socket, nowMs: number): void
  /** It has proven its key, and counts no longer. */
  passed(socketName: string): void
  /** Ends those that took too long. */
  sweep(nowMs: number): void
}

/** Makes doors nobody stands at. `isBehindProxy`: all connections have the proxy's address, so none is counted by it. */
export function createDoors(limits: RelayLimits, isBehindProxy: boolean): Doors {
  return new HalfOpen(limits, isBehindProxy)
}

/** What tells a TCP connection from all others of this moment; the same for the TLS socket on it. */
export function nameOf(socket: {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}

interface Visitor {
  readonly socket: Socket
  readonly address: string
  readonly sinceMs: number
}

class HalfOpen implements Doors {
  readonly #limits: RelayLimits
  readonly #isBehindProxy: boolean
  /** Oldest first. */
  readonly #visitors = new Map<string, Visitor>()
  /** Names by address, oldest first. */
  readonly #namesByAddress = new Map<string, Set<string>>()

  constructor(limits: RelayLimits, isBehindProxy: boolean) {
    this.#limits = limits
    this.#isBehindProxy = isBehindProxy
  }

  get halfOpenCount(): number {
    return this.#visitors.size
  }

  knock(socket: Socket, nowMs: number): void {
    const name = nameOf(socket)
    const address = networkOf(socket.remoteAddress ?? '')
    const names = this.#namesByAddress.get(address) ?? new Set()
    this.#namesByAddress.set(address, names)
    names.add(name)
    this.#visitors.set(name, { socket, address, sinceMs: nowMs })
    socket.once('close', () => this.passed(name))
    if (!this.#isBehindProxy && names.size > this.#limits.maxHalfOpenPerAddress) {
      this.#end(names.values().next().value)
    }
    if (this.#visitors.size > this.#limits.maxHalfOpen) {
      this.#end(this.#visitors.keys().next().value)
    }
  }

  passed(name: string): void {
    const visitor = this.#visitors.get(name)
    if (!visitor) return
    this.#visitors.delete(name)
    const names = this.#namesByAddress.get(visitor.address)
    names?.delete(name)
    if (names?.size === 0) this.#namesByAddress.delete(visitor.address)
  }

  sweep(nowMs: number): void {
    for (const [name, { sinceMs }] of this.#visitors) {
      if (nowMs - sinceMs < this.#limits.halfOpenMs) return
      this.#end(name)
    }
  }

  #end(name: string | undefined): void {
    if (name === undefined) return
    const visitor = this.#visitors.get(name)
    this.passed(name)
    visitor?.socket.destroy()
  }
}
