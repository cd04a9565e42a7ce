/** The numbers of channels: the dialer's are odd, the other end's even, and each is used once. Part of the pure core. */
import { protocolError } from './wire.ts'

/** Which numbers were used. */
export class ChannelNumbers {
  readonly #isDialer: boolean
  #nextLocal: number
  #highestRemote: number

  constructor(isDialer: boolean) {
    this.#isDialer = isDialer
    this.#nextLocal = isDialer ? 1 : 2
    this.#highestRemote = isDialer ? 0 : -1
  }

  /** The number of the channel that is opened here next. */
  get nextLocal(): number {
    return this.#nextLocal
  }

  isLocal(id: number): boolean {
    return (id % 2 === 1) === this.#isDialer
  }

  /** True for a number of the peer that was not used yet. */
  isNewRemote(id: number): boolean {
    return !this.isLocal(id) && id > this.#highestRemote
  }

  takeLocal(): number {
    const id = this.#nextLocal
    this.#nextLocal += 2
    return id
  }

  /** The peer has used this number; smaller ones that it left out count as used. */
  takeRemote(id: number): void {
    this.#highestRemote = id
  }

  /** @throws when no channel ever had this number. */
  assertKnown(id: number): void {
    if (this.isLocal(id) ? id < this.#nextLocal : id <= this.#highestRemote) return
    throw protocolError(`channel ${id} was never opened`)
  }
}
