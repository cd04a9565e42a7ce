import { createNodeKey, type NodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import { parseTransportConfig, type Transport } from '@vudo/transport'
import { createMemoryMedium, memory } from '@vudo/transport-memory'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SURROUNDINGS_INTERVAL_MS } from '../src/limits.ts'
import { Surroundings, WakeDetector, type SurroundingsChange } from '../src/surroundings.ts'
import { startNode } from './nodes.ts'

const secret = new Uint8Array(32).fill(7)

function memoryTransport(key: NodeKey, medium: ReturnType<typeof createMemoryMedium>): Transport {
  const settings = parseTransportConfig({ maxNewConnectionsPerSecond: 10_000 })
  return memory({ medium })({ ...createTransportContext(key), settings })
}

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

describe('a node in another network', () => {
  afterEach(() => void vi.useRealTimers())

  it('asks its peers for a sign of life, and dials them at once', async () => {
    // Only the look around, so that it comes when the test says.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    let interfaces = 'wifi'
    const dialled: string[] = []
    const medium = createMemoryMedium()
    // The smaller id dials the other one, and so has it in its queue.
    const [one, other] = [createNodeKey(), createNodeKey()]
    const [smaller, larger] = one.peerId < other.peerId ? [one, other] : [other, one]
    const inner = memoryTransport(smaller, medium)
    const counting = new Proxy(inner, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        if (name === 'dial') dialled.push('dial')
        return value.bind(target)
      },
    })
    const options = { discoveryIntervalMs: 100, random: () => 0 }
    const a = await startNode(options, {
      key: smaller,
      transports: [counting],
      interfaces: () => interfaces,
    })
    const transports = [memoryTransport(larger, medium)]
    const b = await startNode(options, { key: larger, transports })
    await b.network.join({ id: 'db', secret })
    await a.network.join({ id: 'db', secret })
    await expect.poll(() => a.network.isPeerConnected(larger.peerId), { timeout: 5_000 }).toBe(true)
    await expect.poll(() => a.network.session(larger.peerId)?.paths[0]?.isAnswering).toBe(true)
    dialled.length = 0
    interfaces = 'cable'
    const changed = a.network.events.once('surroundings:changed')
    vi.advanceTimersByTime(step)
    expect(a.network.session(larger.peerId)?.paths[0]?.isAnswering).toBe(false)
    expect(dialled).toEqual(['dial'])
    expect(await changed).toEqual({ change: 'interfaces' })
    // The answer comes, although the path was the only one.
    await expect.poll(() => a.network.session(larger.peerId)?.paths[0]?.isAnswering).toBe(true)
    expect(a.network.sessions).toHaveLength(1)
  })
})
