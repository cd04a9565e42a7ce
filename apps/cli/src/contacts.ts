import type { P2P, P2PEvents } from '@vudo/p2p'
import { isVudoError, type Address } from '@vudo/transport'
import { MAX_NOTED_TROUBLES, MAX_TROUBLES_PER_MINUTE } from './limits.ts'

/** Why somebody is not connected, or a search found nobody. */
export interface Trouble {
  /** What was tried: an address, a peer id, or the name of a transport or discovery. */
  readonly with: string
  readonly event: 'dial:failed' | 'peer:refused' | 'search:failed'
  readonly code: string
  readonly message: string
}

/** How a configured address stands. */
export interface ConfiguredPeer {
  readonly address: Address
  readonly isConnected: boolean
  /** The last failure; `null` when there was none since it was connected. */
  readonly code: string | null
  readonly message: string | null
}

/** What {@link followContacts} takes. */
export interface ContactsInit {
  /** The addresses that the node was told to connect to. */
  readonly configured: readonly Address[]
  /** Told each trouble once, and again when its code changes or it was over in between. */
  readonly onTrouble: (trouble: Trouble) => void
  /** A clock that never goes back, in milliseconds. */
  readonly now: () => number
}

/** What is asked of a node about its contacts. */
export type Followed = Pick<P2P, 'events' | 'connectedPeers' | 'isPeerConnected'>

/** Remembers, for as long as the node lives, why who is not connected. */
export function followContacts(p2p: Followed, init: ContactsInit): () => readonly ConfiguredPeer[] {
  const contacts = new Contacts(init)
  p2p.events.on('dial:ended', (end) => contacts.dialEnded(end))
  p2p.events.on('peer:connected', ({ peerId }) => contacts.over(peerId))
  p2p.events.on('peer:refused', ({ peerId, code, message }) => {
    contacts.trouble({ with: peerId ?? 'somebody', event: 'peer:refused', code, message })
  })
  p2p.events.on('search:failed', ({ name, error }) => {
    contacts.trouble({ with: name, event: 'search:failed', ...reasonOf(error) })
  })
  return () => contacts.configured(p2p)
}

class Contacts {
  readonly #init: ContactsInit
  /** The newest last. */
  readonly #troubles = new Map<string, Trouble>()
  /** Who answered at a configured address. */
  readonly #peerByAddress = new Map<Address, string>()
  #minuteStartMs = Number.NEGATIVE_INFINITY
  #toldThisMinute = 0

  constructor(init: ContactsInit) {
    this.#init = init
  }

  dialEnded({ target, peerId, error }: P2PEvents['dial:ended']): void {
    if (peerId === undefined) {
      this.trouble({ with: target, event: 'dial:failed', ...reasonOf(error) })
      return
    }
    if (this.#init.configured.includes(target)) this.#peerByAddress.set(target, peerId)
    this.over(target)
  }

  trouble(trouble: Trouble): void {
    const before = this.#troubles.get(trouble.with)
    this.#troubles.delete(trouble.with)
    this.#troubles.set(trouble.with, trouble)
    if (this.#troubles.size > MAX_NOTED_TROUBLES) this.#forgetOldest()
    if (before?.code !== trouble.code && this.#isWithinRate()) this.#init.onTrouble(trouble)
  }

  over(key: string): void {
    this.#troubles.delete(key)
  }

  configured(p2p: Followed): readonly ConfiguredPeer[] {
    const dialled = new Set(p2p.connectedPeers().map(({ path }) => path.address))
    return this.#init.configured.map((address) => {
      const peerId = this.#peerByAddress.get(address)
      const isConnected =
        dialled.has(address) || (peerId !== undefined && p2p.isPeerConnected(peerId))
      const trouble = this.#troubles.get(address) ?? this.#troubles.get(peerId ?? '')
      const { code = null, message = null } = isConnected ? {} : (trouble ?? {})
      return { address, isConnected, code, message }
    })
  }

  /** Strangers that come and are refused choose how often: they must not fill a log. */
  #isWithinRate(): boolean {
    const nowMs = this.#init.now()
    if (nowMs - this.#minuteStartMs >= 60_000) {
      this.#minuteStartMs = nowMs
      this.#toldThisMinute = 0
    }
    this.#toldThisMinute += 1
    return this.#toldThisMinute <= MAX_TROUBLES_PER_MINUTE
  }

  /** Not one of a configured address: those are asked for. */
  #forgetOldest(): void {
    for (const key of this.#troubles.keys()) {
      if (this.#init.configured.includes(key)) continue
      this.#troubles.delete(key)
      return
    }
  }
}

function reasonOf(error: unknown): { readonly code: string; readonly message: string } {
  const message = error instanceof Error ? error.message : String(error)
  return { code: isVudoError(error) ? error.code : 'ERR_INTERNAL', message }
}
