/** Transfers beside which nobody waits, over the links of the network lab: packets that come late, or are sent again. */
import { createRandom, type Random } from '@vudo/testing'
import { describe, expect, it } from 'vitest'
import type { OutgoingFrame } from '../src/channel-state.ts'
import { MAX_FRAME_PAYLOAD_BYTES, URGENT_FRAME_PAYLOAD_BYTES } from '../src/limits.ts'
import { PathState } from '../src/path-state.ts'
import { frameOf } from './outgoing-frame.ts'

interface Link {
  readonly kbitPerSecond: number
  /** One way, and by how much each packet may be earlier or later. */
  readonly delayMs: number
  readonly jitterMs: number
  readonly lossPercent: number
}

/** Those of `tools/netlab/support/lab.mjs` that have a rate. */
const links: Readonly<Record<string, Link>> = {
  'good-wifi': { kbitPerSecond: 100_000, delayMs: 8, jitterMs: 0, lossPercent: 0.1 },
  'congested-wifi': { kbitPerSecond: 25_000, delayMs: 20, jitterMs: 12, lossPercent: 1 },
  'weak-4g': { kbitPerSecond: 8_000, delayMs: 45, jitterMs: 15, lossPercent: 2 },
  'slow-3g': { kbitPerSecond: 3_000, delayMs: 100, jitterMs: 30, lossPercent: 3 },
  'congested-cellular': { kbitPerSecond: 1_500, delayMs: 150, jitterMs: 40, lossPercent: 5 },
  'very-bad-cellular': { kbitPerSecond: 800, delayMs: 225, jitterMs: 60, lossPercent: 8 },
  satellite: { kbitPerSecond: 25_000, delayMs: 300, jitterMs: 40, lossPercent: 1.5 },
  'barely-usable': { kbitPerSecond: 500, delayMs: 225, jitterMs: 80, lossPercent: 12 },
  absurd: { kbitPerSecond: 256, delayMs: 400, jitterMs: 150, lossPercent: 25 },
  hostile: { kbitPerSecond: 20_000, delayMs: 30, jitterMs: 25, lossPercent: 2 },
}

const packetBytes = 1_200
/** What a kernel lets a bare connection have under way. */
const bareWindowBytes = 4_194_304
const ackDelayMs = 25

/** An ordered connection over such a link: what was lost comes a round trip later, and holds up what follows. */
class Line {
  readonly #link: Link
  readonly #random: Random
  #freeAtMs = 0
  #thereAtMs = 0
  #backAtMs = 0

  constructor(link: Link, seed: number) {
    this.#link = link
    this.#random = createRandom(seed)
  }

  get oneWayMs(): number {
    const { delayMs, jitterMs } = this.#link
    return delayMs + (this.#random.next() * 2 - 1) * jitterMs
  }

  /** When the acknowledgement of a frame comes that is sent now. */
  send(bytes: number, waitsMs: number, nowMs: number): number {
    const { kbitPerSecond, delayMs, lossPercent } = this.#link
    for (let left = bytes; left > 0; left -= packetBytes) {
      const tookMs = (Math.min(packetBytes, left) * 8) / kbitPerSecond
      this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + tookMs
      const againMs = this.#random.chance(lossPercent / 100) ? 2.2 * delayMs : 0
      this.#thereAtMs = Math.max(this.#thereAtMs, this.#freeAtMs + this.oneWayMs + againMs)
    }
    this.#backAtMs = Math.max(this.#backAtMs, this.#thereAtMs + this.oneWayMs + waitsMs)
    return this.#backAtMs
  }
}

/** Bytes per second of a transfer that never ends. Time is a number that the next event sets. */
function throughput(link: Link, forMs: number, isBare = false): number {
  const line = new Line(link, 7)
  const path = new PathState(1, { intervalMs: 15_000, isMetered: true }, 0)
  const underWay: { frame: OutgoingFrame; isAsking: boolean; answeredAtMs: number }[] = []
  let [nowMs, arrivedBytes] = [0, 0]
  path.meter.roundTrip(line.oneWayMs + line.oneWayMs, true)
  const hasRoom = (bytes: number): boolean =>
    isBare ? path.underWayBytes + bytes <= bareWindowBytes : path.hasRoom(bytes, false)
  while (nowMs < forMs) {
    const wanted = Math.min(MAX_FRAME_PAYLOAD_BYTES, path.frameBytes(false))
    const frame = frameOf(Math.floor(Math.max(URGENT_FRAME_PAYLOAD_BYTES, wanted)))
    if (hasRoom(frame.frameBytes)) {
      const isAsking = path.lend(frame, false, nowMs)
      const answeredAtMs = line.send(frame.frameBytes, isAsking ? 0 : ackDelayMs, nowMs)
      underWay.push({ frame, isAsking, answeredAtMs })
      continue
    }
    const asking = underWay.findIndex(({ isAsking }) => isAsking)
    const gone = underWay.splice(0, Math.max(0, asking) + 1)
    const last = gone.at(-1)!
    nowMs = Math.max(nowMs, last.answeredAtMs)
    for (const one of gone) {
      path.arrived(one.frame, nowMs)
      arrivedBytes += one.frame.frameBytes
    }
    path.measure(last.frame, last.isAsking, nowMs)
  }
  return (arrivedBytes * 1_000) / nowMs
}

function meterOf(leastMs: number, rttMs: number): PathState['meter'] {
  const { meter } = new PathState(1, { intervalMs: 15_000, isMetered: true }, 0)
  meter.roundTrip(leastMs, true)
  for (let n = 0; n < 100; n++) meter.roundTrip(rttMs, false)
  return meter
}

describe('a transfer that nobody waits beside', () => {
  it.each(Object.entries(links))(
    'carries over %s nearly what a bare connection does, however the round trip varies',
    (_, link) => {
      const whole = { ...link, lossPercent: 0 }
      expect(throughput(whole, 40_000) / throughput(whole, 40_000, true)).toBeGreaterThan(0.85)
      expect(throughput(link, 40_000) / throughput(link, 40_000, true)).toBeGreaterThan(0.85)
    },
  )
})

describe('the window for it', () => {
  it('counts the round trip as it is, up to one and a half of the shortest and 50 ms', () => {
    for (const [rttMs, countedMs] of [
      [100, 100],
      [150, 150],
      [2_000, 200],
    ] as const) {
      const meter = meterOf(100, rttMs)
      meter.delivered(1_000, 1, 1)
      meter.delivered(1_000, 1, 9_000)
      expect(meter.windowBytes(false)).toBeCloseTo(1.5 * 1_000 * countedMs, -2)
    }
  })

  it('doubles while the throughput grows', () => {
    const meter = meterOf(100, 100)
    meter.delivered(1_000, 1, 1)
    expect(meter.windowBytes(false)).toBe(2.9 * 1_000 * 100)
    meter.delivered(1_100, 1, 250)
    expect(meter.windowBytes(false)).toBe(2.9 * 1_100 * 100)
    meter.delivered(1_100, 1, 350)
    expect(meter.windowBytes(false)).toBe(1.5 * 1_100 * 100)
  })
})
