import { describe, expect, it } from 'vitest'
import { createDialSchedule } from '../src/dial-schedule.ts'
import {
  MAX_BACKOFF_MS,
  MAX_FOUND_ADDRESSES,
  MAX_FOUND_PEERS,
  MAX_PEERS_PER_ADDRESS,
  MIN_BACKOFF_MS,
  TIE_DELAY_MS,
} from '../src/limits.ts'
import { peerId } from './fake-context.ts'

const [low, self, high] = [peerId(1), peerId(2), peerId(3)]
const create = () => createDialSchedule(self, () => 0.5)
const peer = (id: string, ...addresses: string[]) => ({
  id,
  addresses: addresses.length === 0 ? [`loop://${id}`] : addresses,
})

describe('createDialSchedule', () => {
  it('dials larger ids at once and leaves the first dial to smaller ones', () => {
    const schedule = create()
    schedule.offer(peer(high), 't', 0)
    schedule.offer(peer(low), 't', 0)
    expect(schedule.take(0)?.id).toBe(high)
    expect(schedule.take(TIE_DELAY_MS - 1)).toBeUndefined()
    expect(schedule.nextDueMs()).toBe(TIE_DELAY_MS)
    expect(schedule.take(TIE_DELAY_MS)?.id).toBe(low)
    expect(schedule.nextDueMs()).toBeUndefined()
  })

  it('dials everybody at once where the medium settles ties', () => {
    const schedule = createDialSchedule(self, () => 0.5, 0)
    schedule.offer(peer(low), 't', 0)
    expect(schedule.take(0)?.id).toBe(low)
  })

  it('doubles the wait up to a limit, and goes on to the next address', () => {
    const schedule = create()
    schedule.offer(peer(high, 'a', 'b'), 't', 0)
    const waits: number[] = []
    const addresses: string[] = []
    let nowMs = 0
    for (let round = 0; round < 12; round += 1) {
      const job = schedule.take(nowMs)
      addresses.push(job?.address ?? '')
      schedule.failed(job?.key ?? '', nowMs)
      const dueMs = schedule.nextDueMs() ?? Number.NaN
      waits.push(dueMs - nowMs)
      nowMs = dueMs
    }
    expect(waits.slice(0, 3)).toEqual([MIN_BACKOFF_MS, 2 * MIN_BACKOFF_MS, 4 * MIN_BACKOFF_MS])
    expect(waits.at(-1)).toBe(MAX_BACKOFF_MS)
    expect(addresses.slice(0, 3)).toEqual(['a', 'b', 'a'])
  })

  it('starts over when a connection was useful, not when it was merely made', () => {
    const schedule = create()
    schedule.offer(peer(high), 't', 0)
    const fail = (nowMs: number) => schedule.failed(schedule.take(nowMs)?.key ?? '', nowMs)
    fail(0)
    fail(10_000)
    schedule.take(20_000)
    schedule.connected(high)
    schedule.lost(high, true, 20_000)
    expect(schedule.nextDueMs()).toBe(20_000 + 4 * MIN_BACKOFF_MS)
    schedule.settled(high)
    schedule.lost(high, true, 20_000)
    expect(schedule.nextDueMs()).toBe(20_000 + MIN_BACKOFF_MS)
  })

  it('rests while connected, and for good when the peer is not wanted', () => {
    const schedule = create()
    schedule.offer(peer(high), 't', 0)
    schedule.connected(high)
    expect(schedule.take(1_000_000)).toBeUndefined()
    schedule.lost(high, false, 0)
    schedule.offer(peer(high), 't', 0)
    expect(schedule.take(1_000_000)).toBeUndefined()
  })

  it('learns who is behind a bootstrap address', () => {
    const schedule = create()
    schedule.offer({ id: undefined, addresses: ['loop://x'] }, 't', 0)
    const job = schedule.take(0)
    schedule.connected(high, job?.key)
    expect(schedule.nextDueMs()).toBeUndefined()
    schedule.lost(high, true, 0)
    expect(schedule.nextDueMs()).toBe(MIN_BACKOFF_MS)
  })

  it('forgets whom only a topic that was left was for', () => {
    const schedule = create()
    schedule.offer(peer(high), 'one', 0)
    schedule.offer(peer(high), 'two', 0)
    schedule.leave('one')
    expect(schedule.nextDueMs()).toBe(0)
    schedule.leave('two')
    expect(schedule.nextDueMs()).toBeUndefined()
  })

  it('tries a peer that moved without waiting', () => {
    const schedule = create()
    schedule.offer(peer(high, 'a'), 't', 0)
    schedule.failed(schedule.take(0)?.key ?? '', 0)
    schedule.offer(peer(high, 'b'), 't', 10)
    expect(schedule.take(10)?.address).toBe('b')
  })

  it('dials an address that was learnt after failures, before those that failed', () => {
    const schedule = create()
    schedule.offer(peer(high, 'a', 'b'), 't', 0)
    for (const nowMs of [0, 10_000]) schedule.failed(schedule.take(nowMs)?.key ?? '', nowMs)
    schedule.offer(peer(high, 'a', 'b', 'c'), 't', 10_000)
    expect(schedule.take(10_000)?.address).toBe('c')
  })

  it('goes on waiting when it hears of addresses that it knows', () => {
    const schedule = create()
    schedule.offer(peer(high, 'a', 'b'), 't', 0)
    schedule.failed(schedule.take(0)?.key ?? '', 0)
    for (const known of [['a'], ['b', 'a'], ['a', 'b']])
      schedule.offer(peer(high, ...known), 't', 10)
    expect(schedule.nextDueMs()).toBe(MIN_BACKOFF_MS)
    expect(schedule.take(MIN_BACKOFF_MS)?.address).toBe('b')
  })

  it('remembers a bounded number of addresses, the latest', () => {
    const schedule = create()
    const last = 3 * MAX_FOUND_ADDRESSES
    for (let n = 0; n <= last; n += 1) schedule.offer(peer(high, `address ${n}`), 't', 0)
    const dialled = new Set<string | undefined>()
    for (let round = 0; round < last; round += 1) {
      const job = schedule.take(Number.MAX_SAFE_INTEGER)
      dialled.add(job?.address)
      schedule.failed(job?.key ?? '', 0)
    }
    expect(dialled.size).toBe(MAX_FOUND_ADDRESSES)
    expect(dialled).toContain(`address ${last}`)
  })

  it('never dials this node', () => {
    const schedule = create()
    schedule.offer(peer(self), 't', 0)
    expect(schedule.nextDueMs()).toBeUndefined()
  })

  it('does not let a forged list turn it against one address', () => {
    const schedule = create()
    for (let n = 3; n < 100; n += 1) schedule.offer(peer(peerId(n), 'loop://victim'), 't', 0)
    let dials = 0
    while (schedule.take(0)) dials += 1
    expect(dials).toBe(MAX_PEERS_PER_ADDRESS)
  })

  it('remembers a bounded number of peers, the latest', () => {
    const schedule = create()
    const last = MAX_FOUND_PEERS + 5
    for (let n = 0; n <= last; n += 1) {
      schedule.offer(peer(`f${n.toString().padStart(63, '0')}`), 't', 0)
    }
    let dials = 0
    let latest: string | undefined
    for (let job = schedule.take(0); job; job = schedule.take(0)) {
      dials += 1
      latest = job.id
    }
    expect(dials).toBe(MAX_FOUND_PEERS)
    expect(latest).toBe(`f${last.toString().padStart(63, '0')}`)
  })
})
