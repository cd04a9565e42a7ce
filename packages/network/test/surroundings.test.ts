import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SURROUNDINGS_INTERVAL_MS } from '../src/limits.ts'
import { Surroundings, WakeDetector, type SurroundingsChange } from '../src/surroundings.ts'

const step = SURROUNDINGS_INTERVAL_MS

describe('a wake from sleep', () => {
  it('shows as a wall clock that went on while the other stood still', () => {
    const wake = new WakeDetector()
    expect(wake.look({ nowMs: 0, wallMs: 1_000_000 })).toBe(false)
    expect(wake.look({ nowMs: step, wallMs: 1_000_000 + step })).toBe(false)
    expect(wake.look({ nowMs: 2 * step, wallMs: 1_000_000 + 2 * step + 3_600_000 })).toBe(true)
    expect(wake.look({ nowMs: 3 * step, wallMs: 1_000_000 + 3 * step + 3_600_000 })).toBe(false)
  })

  it('shows as a timer that is late, where both clocks go on', () => {
    const wake = new WakeDetector()
    wake.look({ nowMs: 0, wallMs: 0 })
    expect(wake.look({ nowMs: 60_000, wallMs: 60_000 })).toBe(true)
  })

  it('is not a busy machine, nor a clock that is set back', () => {
    const wake = new WakeDetector()
    wake.look({ nowMs: 0, wallMs: 1_000_000_000 })
    expect(wake.look({ nowMs: step + 4_000, wallMs: 1_000_000_000 + step + 4_000 })).toBe(false)
    expect(wake.look({ nowMs: 2 * step + 4_000, wallMs: 0 })).toBe(false)
  })
})

describe('the surroundings', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('tell of another network, once, and nothing after stop', () => {
    let interfaces = 'wifi'
    const changes: SurroundingsChange[] = []
    const surroundings = new Surroundings({
      now: () => performance.now(),
      wallClock: () => Date.now(),
      interfaces: () => interfaces,
      onChange: (change) => changes.push(change),
    })
    surroundings.start()
    vi.advanceTimersByTime(2 * step)
    expect(changes).toEqual([])
    interfaces = 'cable'
    vi.advanceTimersByTime(2 * step)
    expect(changes).toEqual(['interfaces'])
    surroundings.stop()
    interfaces = 'none'
    vi.advanceTimersByTime(2 * step)
    expect(changes).toEqual(['interfaces'])
    expect(vi.getTimerCount()).toBe(0)
  })
})
