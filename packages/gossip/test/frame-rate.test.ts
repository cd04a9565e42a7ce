import { FRAME_BURST, FRAMES_PER_PEER_AND_SECOND } from '../src/limits.ts'
import { describe, expect, it } from 'vitest'
import { FrameRate } from '../src/frame-rate.ts'

describe('FrameRate', () => {
  it('lets a burst through at once, and then so many per second', () => {
    const rate = new FrameRate(0)
    const waits = Array.from({ length: FRAME_BURST + FRAMES_PER_PEER_AND_SECOND }, () =>
      rate.take(0),
    )
    expect(waits[FRAME_BURST - 1]).toBe(0)
    expect(waits[FRAME_BURST]).toBeGreaterThan(0)
    expect(waits.at(-1)).toBe(1_000)
  })

  it('lets the next burst through after a pause', () => {
    const rate = new FrameRate(0)
    for (let i = 0; i < FRAME_BURST; i++) rate.take(0)
    const laterMs = (FRAME_BURST / FRAMES_PER_PEER_AND_SECOND) * 1_000
    const waits = Array.from({ length: FRAME_BURST }, () => rate.take(laterMs))
    expect(Math.max(...waits)).toBe(0)
  })

  it('counts messages, however many come at once', () => {
    const rate = new FrameRate(0)
    expect(rate.take(0, FRAME_BURST)).toBe(0)
    expect(rate.take(0, FRAMES_PER_PEER_AND_SECOND)).toBe(1_000)
  })

  it('takes a clock that stands still or goes back', () => {
    const rate = new FrameRate(1_000)
    expect([rate.take(1_000), rate.take(500), rate.take(1_000)]).toEqual([0, 0, 0])
  })
})
