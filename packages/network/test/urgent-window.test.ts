import { createRandom } from '@vudo/testing'
import { describe, expect, it } from 'vitest'
import type { OutgoingFrame } from '../src/channel-state.ts'
import {
  MAX_FRAME_PAYLOAD_BYTES,
  MIN_PATH_WINDOW_BYTES,
  MIN_URGENT_FRAME_PAYLOAD_BYTES,
  MIN_URGENT_WINDOW_BYTES,
  URGENT_FRAME_PAYLOAD_BYTES,
} from '../src/limits.ts'
import { PathState } from '../src/path-state.ts'
import { UrgentWindow } from '../src/urgent-window.ts'
import { frameOf } from './outgoing-frame.ts'

interface Link {
  readonly bytesPerMs: number
  readonly delayMs: number
  readonly jitterMs: number
}

/** A link with a queue, and a transfer over it that never ends. Time is a number that the next event sets. */
function transfer(link: Link, forMs: number, isUrgent: boolean): LinkReport {
  const random = createRandom(1)
  const path = new PathState(1, { intervalMs: 15_000, isMetered: true }, 0)
  const underWay: { frame: OutgoingFrame; isAsking: boolean; answeredAtMs: number }[] = []
  const queues: { readonly atMs: number; readonly queueMs: number }[] = []
  let [nowMs, freeAtMs, lastMs, sentBytes] = [0, 0, 0, 0]
  const oneWay = (): number => link.delayMs + (random.next() * 2 - 1) * link.jitterMs
  path.meter.roundTrip(2 * (link.delayMs - link.jitterMs) + 0.1, true)
  const send = (frameBytes: number): void => {
    const frame = frameOf(frameBytes)
    const isAsking = path.lend(frame, isUrgent, nowMs)
    queues.push({ atMs: nowMs, queueMs: Math.max(0, freeAtMs - nowMs) })
    freeAtMs = Math.max(nowMs, freeAtMs) + frameBytes / link.bytesPerMs
    lastMs = Math.max(lastMs, freeAtMs + oneWay())
    underWay.push({ frame, isAsking, answeredAtMs: lastMs + oneWay() + (isAsking ? 0 : 25) })
  }
  while (nowMs < forMs) {
    const size = frameSize(path, isUrgent)
    if (path.hasRoom(size, isUrgent)) {
      send(size)
      continue
    }
    const at = Math.max(
      0,
      underWay.findIndex(({ isAsking }) => isAsking),
    )
    const gone = underWay.splice(0, at + 1)
    const last = gone.at(-1)!
    nowMs = Math.max(nowMs, last.answeredAtMs)
    for (const { frame } of gone) {
      path.arrived(frame, nowMs)
      sentBytes += frame.frameBytes
    }
    path.measure(last.frame, last.isAsking, nowMs)
  }
  const late = queues.filter(({ atMs }) => atMs > forMs / 4).map(({ queueMs }) => queueMs)
  return {
    share: sentBytes / nowMs / link.bytesPerMs,
    worstMs: queues.reduce((most, { queueMs }) => Math.max(most, queueMs), 0),
    meanMs: late.reduce((sum, queueMs) => sum + queueMs, 0) / late.length,
  }
}

interface LinkReport {
  /** Of what the link carries. */
  readonly share: number
  readonly worstMs: number
  readonly meanMs: number
}

function frameSize(path: PathState, isUrgent: boolean): number {
  const [least, most] = isUrgent
    ? [MIN_URGENT_FRAME_PAYLOAD_BYTES, URGENT_FRAME_PAYLOAD_BYTES]
    : [URGENT_FRAME_PAYLOAD_BYTES, MAX_FRAME_PAYLOAD_BYTES]
  return Math.floor(Math.max(least, Math.min(most, path.frameBytes(isUrgent))))
}

const slow: Link = { bytesPerMs: 375, delayMs: 100, jitterMs: 30 }

describe('a transfer while somebody waits for small messages', () => {
  it('fills a slow link, and keeps the queue in front of them short', () => {
    const { share, meanMs, worstMs } = transfer(slow, 30_000, true)
    expect(share).toBeGreaterThan(0.9)
    expect(meanMs).toBeLessThan(100)
    expect(worstMs).toBeLessThan(250)
  })

  it('carries as much as one that nobody waits beside', () => {
    const urgent = transfer(slow, 30_000, true)
    const plain = transfer(slow, 30_000, false)
    expect(urgent.share).toBeGreaterThan(0.9 * plain.share)
  })

  it.each<[string, Link]>([
    ['a fast network', { bytesPerMs: 30_000, delayMs: 0.5, jitterMs: 0.1 }],
    ['a good wireless network', { bytesPerMs: 12_500, delayMs: 8, jitterMs: 0 }],
    ['a busy cell', { bytesPerMs: 188, delayMs: 150, jitterMs: 40 }],
    [
      'a satellite, where the beginning alone takes seconds',
      { bytesPerMs: 3_125, delayMs: 300, jitterMs: 40 },
    ],
  ])('goes on over %s, however the round trip varies', (_, link) => {
    expect(transfer(link, 20_000, true).share).toBeGreaterThan(0.5)
  })
})

describe('on a path of less than two milliseconds', () => {
  it('the window allows for no queue at all: it would be all that an urgent message waits for', () => {
    const { meter } = new PathState(1, { intervalMs: 15_000, isMetered: true }, 0)
    meter.roundTrip(0.4, true)
    meter.delivered(1_000_000, 1, 1)
    expect(meter.windowBytes(true)).toBe(1.5 * 1_000_000 * 0.4)
    expect(meter.windowBytes(false)).toBe(1.5 * 1_000_000 * 5)
    meter.delivered(1, 1, 30_000)
    meter.delivered(1, 1, 60_000)
    expect(meter.windowBytes(true)).toBe(MIN_PATH_WINDOW_BYTES)
  })
})

describe('the window for it', () => {
  const leastRttMs = 200
  const round = (window: UrgentWindow, atMs: number, rttMs: number, bytesPerMs: number): void => {
    window.limited()
    window.delivered(bytesPerMs)
    for (let answer = 0; answer < 8; answer++) {
      window.answered({ rttMs, leastRttMs, sentAtMs: atMs, nowMs: atMs })
    }
  }

  it('doubles until a queue shows, and is then what the path holds', () => {
    const window = new UrgentWindow()
    round(window, 1, 200, 80)
    expect(window.bytes(0)).toBe(2 * MIN_URGENT_WINDOW_BYTES)
    // Answers that are a little late are no queue: the round trip varies.
    round(window, 2, 300, 160)
    expect(window.bytes(0)).toBe(4 * MIN_URGENT_WINDOW_BYTES)
    round(window, 3, 400, 170)
    expect(window.bytes(0)).toBe(0.75 * 170 * 300)
    round(window, 4, 250, 170)
    expect(window.bytes(0)).toBe(170 * 300)
  })

  it('begins no larger where the bandwidth does not grow', () => {
    const window = new UrgentWindow()
    for (let at = 1; at < 12; at++) round(window, at, 200, 80)
    expect(window.bytes(0)).toBeLessThan(1.25 * 80 * 300 + 1)
  })

  it('does not grow where it is not full', () => {
    const window = new UrgentWindow()
    for (let answer = 0; answer < 40; answer++) {
      window.answered({ rttMs: 200, leastRttMs, sentAtMs: answer, nowMs: answer })
    }
    expect(window.bytes(0)).toBe(MIN_URGENT_WINDOW_BYTES)
  })

  it('takes a bandwidth back that was measured too high', () => {
    const window = new UrgentWindow()
    window.follow(800, leastRttMs, 0)
    for (let at = 1; at < 6; at++) round(window, at, 700, 400)
    expect(window.bytes(0)).toBeLessThan(400 * 300)
  })

  it('does not judge by what was sent before it changed', () => {
    const window = new UrgentWindow()
    window.follow(400, leastRttMs, 10)
    const before = window.bytes(0)
    round(window, 9, 900, 1)
    expect(window.bytes(0)).toBe(before)
  })
})
