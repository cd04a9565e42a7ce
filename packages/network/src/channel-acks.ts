/** What the peer has to be told of what arrived, and what it has to be asked. Part of the pure core. */
import type { ChannelState } from './channel-state.ts'
import { ACK_DELAY_MS, MAX_ASK_PAUSE_MS, MIN_STALL_MS } from './limits.ts'
import type { PathState } from './path-state.ts'

/** Acknowledgements that are to be sent, at once or when they have waited for company. */
export class AckQueue {
  /** Where data came in last: acknowledgements go there, because that path is alive. */
  path: PathState | undefined
  /** When those that waited for company are due. */
  atMs: number | undefined
  /** Channels whose acknowledgement waits for no company; each once. */
  #urgent: ChannelState[] = []

  /** The next channel that has something to acknowledge. */
  take(): ChannelState | undefined {
    while (this.#urgent.length > 0) {
      const channel = this.#urgent.shift()
      if (channel === undefined) break
      channel.isAckQueued = false
      if (channel.isAckDue || channel.isAckUrgent) return channel
    }
    return undefined
  }

  /** Something of `channel` came in or was read. */
  schedule(channel: ChannelState, nowMs: number): void {
    if (channel.isAckUrgent) this.queue(channel)
    else if (channel.isAckDue) this.atMs ??= nowMs + ACK_DELAY_MS
  }

  queue(channel: ChannelState): void {
    if (channel.isAckQueued) return
    channel.isAckQueued = true
    this.#urgent.push(channel)
  }

  /** What was said before may be lost: says of each channel how far it is. */
  reportAll(channels: Iterable<ChannelState>): void {
    for (const channel of channels) {
      if (!channel.isReportable) continue
      channel.isAckUrgent = true
      this.queue(channel)
    }
  }

  /** Those that waited for company go out alone. */
  onTimer(channels: Iterable<ChannelState>, nowMs: number): void {
    if (this.atMs === undefined || nowMs < this.atMs) return
    this.atMs = undefined
    for (const channel of channels) if (channel.isAckDue) this.queue(channel)
  }

  forget(channel: ChannelState): void {
    this.#urgent = this.#urgent.filter((other) => other !== channel)
  }

  /** No path is left: what is owed is said when there is one again. */
  detach(): void {
    this.atMs = undefined
    this.path = undefined
  }

  clear(): void {
    this.#urgent = []
    this.detach()
  }
}

/** Asks where the peer stands while a channel waits for credit: it may have been granted on a path that died. */
export class CreditQuestion {
  /** When to ask. */
  atMs: number | undefined
  #pauseMs = MIN_STALL_MS
  #isDue = false

  /** Nothing can be sent at present; perhaps because credit is missing. */
  note(channels: Iterable<ChannelState>, nowMs: number): void {
    if (this.atMs !== undefined) return
    for (const channel of channels) {
      if (channel.isBlocked) this.atMs = nowMs + this.#pauseMs
    }
  }

  /** True once when it is to be asked now. */
  take(): boolean {
    const isDue = this.#isDue
    this.#isDue = false
    return isDue
  }

  /** The peer has said something new. */
  answered(): void {
    this.atMs = undefined
    this.#pauseMs = MIN_STALL_MS
    this.#isDue = false
  }

  onTimer(nowMs: number): void {
    if (this.atMs === undefined || nowMs < this.atMs) return
    this.#isDue = true
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_ASK_PAUSE_MS)
    this.atMs = nowMs + this.#pauseMs
  }
}
