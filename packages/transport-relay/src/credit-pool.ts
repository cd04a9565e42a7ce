/** What all far ends at one relay together may have under way to this node: the relay holds so much and no more. */
import {
  INITIAL_CREDIT_FRAMES,
  MAX_ALL_CREDIT_BYTES,
  MAX_ALL_CREDIT_FRAMES,
  MAX_CREDIT_BYTES,
  MAX_CREDIT_FRAMES,
  MIN_CREDIT_FRAMES,
  RESERVED_PIPES,
} from './limits.ts'

/** How many frames and bytes a far end may have under way. */
export interface Credit {
  readonly frames: number
  readonly bytes: number
}

/** See {@link createCreditPool}. */
export interface CreditPool {
  /** A pipe has come. */
  enter(): void
  /** A pipe has gone. */
  leave(): void
  /** So much more may come; negative when it has come, or never will. */
  add(frames: number, bytes: number): void
  /** Up to what a pipe may be given, of which `own` is under way. */
  goalFor(own: Credit, maxMessageBytes: number): Credit
}

/** Makes a pool of which nothing is given. */
export function createCreditPool(): CreditPool {
  return new Pool()
}

class Pool implements CreditPool {
  #pipes = 0
  #frames = 0
  #bytes = 0

  enter(): void {
    this.#pipes += 1
  }

  leave(): void {
    this.#pipes -= 1
  }

  add(frames: number, bytes: number): void {
    this.#frames += frames
    this.#bytes += bytes
  }

  /**
   * Half of what is left: credit cannot be taken back, so the first pipes must not hold all of
   * it, and pipes that all want much end up with nearly the same.
   */
  goalFor(own: Credit, maxMessageBytes: number): Credit {
    const awaited = Math.max(0, RESERVED_PIPES - this.#pipes)
    const frames =
      MAX_ALL_CREDIT_FRAMES - (this.#frames - own.frames) - awaited * INITIAL_CREDIT_FRAMES
    const bytes = MAX_ALL_CREDIT_BYTES - (this.#bytes - own.bytes) - awaited * maxMessageBytes
    return {
      frames: clamp(Math.floor(frames / 2), MIN_CREDIT_FRAMES, MAX_CREDIT_FRAMES),
      // Never less than one message, or nothing would ever come.
      bytes: clamp(Math.floor(bytes / 2), maxMessageBytes, MAX_CREDIT_BYTES),
    }
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}
