import type { Address, ConnectionPath, PeerId } from '@vudo/transport'
import { formatIrohAddress } from './iroh-address.ts'

/** What a path needs of a connection of the stack. */
export interface PathSource {
  paths(): readonly PathView[]
}

/** One way that packets of a connection take. */
export interface PathView {
  readonly isSelected: boolean
  readonly isRelay: boolean
  /** `ip:port`, or the relay's URL. */
  readonly remoteAddr: string
  readonly rttMs: number
}

/** Whose path it is. */
export interface IrohPathInit {
  readonly source: PathSource
  readonly peerId: PeerId
  readonly outbound: boolean
}

/**
 * How a connection reaches its peer, asked of the stack at each look: a connection
 * begins over a relay and goes over to the direct path when one is found. Looking is the
 * only way: being told (`watchPaths`) aborts the process in this version of the stack.
 */
export function createIrohPath(init: IrohPathInit): ConnectionPath {
  return new PolledPath(init)
}

class PolledPath implements ConnectionPath {
  readonly transport = 'iroh'
  readonly outbound: boolean
  readonly #source: PathSource
  readonly #peerId: PeerId
  /** The last one that was seen: a connection that has ended has none. */
  #last: PathView | undefined

  constructor({ source, peerId, outbound }: IrohPathInit) {
    this.#source = source
    this.#peerId = peerId
    this.outbound = outbound
    this.#look()
  }

  get relayed(): boolean {
    return this.#look()?.isRelay ?? false
  }

  get address(): Address | undefined {
    const path = this.#look()
    if (!path) return undefined
    const { isRelay, remoteAddr } = path
    const way = isRelay ? { direct: [], relay: remoteAddr } : { direct: [remoteAddr] }
    return formatIrohAddress({ peerId: this.#peerId, ...way })
  }

  get rttMs(): number | undefined {
    return this.#look()?.rttMs
  }

  #look(): PathView | undefined {
    const paths = this.#source.paths()
    this.#last = paths.find(({ isSelected }) => isSelected) ?? paths[0] ?? this.#last
    return this.#last
  }
}
