/** Chooses the node's bandwidth limit: by hand, or by what the platform says of the connection. */
import type { Network } from '@vudo/network'
import { invalid } from './option-types.ts'
import type { BandwidthProfile, BandwidthSettings } from './options.ts'

/**
 * A name that is none would lift every limit.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`.
 */
export function checkProfile(field: string, profile: unknown): void {
  if (profile === 'auto' || profile === 'metered' || profile === 'unmetered') return
  throw invalid(field, profile, '"auto", "metered" or "unmetered"')
}

/** What is needed. */
export interface BandwidthInit {
  readonly settings: BandwidthSettings
  readonly network: Pick<Network, 'setBandwidthLimit'>
  /** Whether the connection costs by the byte; `undefined` when the platform does not tell. */
  readonly isMetered: () => Promise<boolean | undefined>
  /** Milliseconds between two questions. */
  readonly intervalMs: number
  /** The limit that holds has changed. */
  readonly onChange: (state: BandwidthState) => void
}

/** What holds now. */
export interface BandwidthState {
  readonly profile: BandwidthProfile
  /** True while the smaller limit holds. */
  readonly isMetered: boolean
  /** `undefined`: no limit. */
  readonly bytesPerSecond: number | undefined
}

/** One per node that is open. */
export class Bandwidth {
  readonly #init: BandwidthInit
  #profile: BandwidthProfile
  #isDetected = false
  #timer: ReturnType<typeof setInterval> | undefined
  #asking: Promise<void> | undefined
  #isClosed = false

  constructor(init: BandwidthInit) {
    this.#init = init
    this.#profile = init.settings.profile
    this.#apply()
  }

  get state(): BandwidthState {
    const { bytesPerSecond, meteredBytesPerSecond } = this.#init.settings
    const isMetered = this.#profile === 'metered' || (this.#profile === 'auto' && this.#isDetected)
    const limit = isMetered
      ? Math.min(bytesPerSecond ?? Infinity, meteredBytesPerSecond)
      : bytesPerSecond
    return { profile: this.#profile, isMetered, bytesPerSecond: limit }
  }

  /** Asks the platform now, and again and again while the profile is `auto`. */
  async start(): Promise<void> {
    if (this.#isClosed) return
    this.#timer ??= setInterval(() => void this.look(), this.#init.intervalMs)
    await this.look()
  }

  /** Asks the platform, once at a time. Never rejects. */
  async look(): Promise<void> {
    if (this.#profile !== 'auto' || this.#isClosed) return
    this.#asking ??= this.#look().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
  }

  /** @throws `TransportError` `ERR_CONFIG_INVALID` for what is no profile. */
  setProfile(profile: BandwidthProfile): void {
    checkProfile('profile', profile)
    const before = this.state
    this.#profile = profile
    this.#apply(before)
    void this.look()
  }

  /** Settles when nothing is asked any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#asking
  }

  async #look(): Promise<void> {
    const answer = await this.#init.isMetered().catch(() => undefined)
    if (this.#isClosed) return
    const before = this.state
    this.#isDetected = answer === true
    this.#apply(before)
  }

  #apply(before?: BandwidthState): void {
    const { state } = this
    const isSame =
      before?.profile === state.profile &&
      before.isMetered === state.isMetered &&
      before.bytesPerSecond === state.bytesPerSecond
    if (isSame) return
    this.#init.network.setBandwidthLimit(state.bytesPerSecond)
    if (before !== undefined) this.#init.onChange(state)
  }
}
