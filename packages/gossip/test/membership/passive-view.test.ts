import { describe, expect, it } from 'vitest'
import { MAX_FAILED_DIALS, MAX_PASSIVE_PEERS, MAX_RETRY_MS, RETRY_MS } from '../../src/limits.ts'
import { PassiveView } from '../../src/membership/passive-view.ts'

const peerId = '01'.repeat(32)
const everybody = (): boolean => true

function viewWithOne(): PassiveView {
  const view = new PassiveView(() => 0)
  view.add({ peerId, addresses: [] })
  return view
}

describe('PassiveView', () => {
  it('asks a peer that refuses less and less often, but never gives up longer than the limit', () => {
    const view = viewWithOne()
    const pauses: number[] = []
    for (let nowMs = 0; pauses.length < 30;) {
      view.postpone(peerId, nowMs)
      let pauseMs = RETRY_MS
      while (view.pick(nowMs + pauseMs, everybody) === undefined && pauseMs <= MAX_RETRY_MS) {
        expect(view.pick(nowMs + pauseMs - 1, everybody)).toBeUndefined()
        pauseMs = Math.min(2 * pauseMs, Math.max(MAX_RETRY_MS, pauseMs + 1))
      }
      pauses.push(pauseMs)
      nowMs += pauseMs
    }
    expect(pauses.slice(0, 3)).toEqual([RETRY_MS, 2 * RETRY_MS, 4 * RETRY_MS])
    expect(Math.max(...pauses)).toBe(MAX_RETRY_MS)
    expect(pauses.at(-1)).toBe(MAX_RETRY_MS)
  })

  it('forgets who cannot be reached again and again', () => {
    const view = viewWithOne()
    for (let i = 1; i < MAX_FAILED_DIALS; i++) view.failed(peerId, i)
    expect(view.size).toBe(1)
    view.failed(peerId, MAX_FAILED_DIALS)
    expect(view.size).toBe(0)
  })

  it('makes room for a new peer: one that may go, or any', () => {
    const view = viewWithOne()
    for (let i = 2; i <= MAX_PASSIVE_PEERS + 1; i++) {
      view.add({ peerId: i.toString(16).padStart(64, '0'), addresses: [] }, [peerId])
    }
    expect(view.size).toBe(MAX_PASSIVE_PEERS)
    expect(view.peers).not.toContain(peerId)
  })
})
