import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Bandwidth, type BandwidthState } from '../src/bandwidth.ts'
import { readMetered } from '../src/metered.ts'
import type { BandwidthSettings } from '../src/options.ts'
import { createNode } from './nodes.ts'

const settings: BandwidthSettings = {
  profile: 'auto',
  bytesPerSecond: undefined,
  meteredBytesPerSecond: 1_000_000,
}

function bandwidth(
  given: Partial<BandwidthSettings>,
  isMetered: () => Promise<boolean | undefined> = async () => undefined,
): { limit: Bandwidth; limits: (number | undefined)[]; changes: BandwidthState[] } {
  const limits: (number | undefined)[] = []
  const changes: BandwidthState[] = []
  const limit = new Bandwidth({
    settings: { ...settings, ...given },
    network: { setBandwidthLimit: (bytes) => void limits.push(bytes) },
    isMetered,
    intervalMs: 60_000,
    onChange: (state) => changes.push(state),
  })
  return { limit, limits, changes }
}

describe('the bandwidth of a node', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('has no limit unless one is given or the connection is metered', () => {
    expect(bandwidth({}).limits).toEqual([undefined])
    expect(bandwidth({ bytesPerSecond: 5 }).limits).toEqual([5])
    expect(bandwidth({ profile: 'metered' }).limits).toEqual([1_000_000])
    expect(bandwidth({ profile: 'metered', bytesPerSecond: 5 }).limits).toEqual([5])
  })

  it('follows what the platform says, until a person says something else', async () => {
    let answer: boolean | undefined = true
    const { limit, limits, changes } = bandwidth({}, async () => answer)
    await limit.start()
    expect(limits).toEqual([undefined, 1_000_000])
    answer = undefined
    await vi.advanceTimersByTimeAsync(60_000)
    expect(limits.at(-1)).toBeUndefined()
    limit.setProfile('metered')
    expect(limit.state).toEqual({ profile: 'metered', isMetered: true, bytesPerSecond: 1_000_000 })
    answer = false
    await vi.advanceTimersByTimeAsync(60_000)
    expect(limit.state.isMetered).toBe(true)
    expect(changes.map(({ isMetered }) => isMetered)).toEqual([true, false, true])
    await limit.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each(['meterd', '', undefined, 1])('stays as it is for %j, which is no profile', (profile) => {
    const { limit, limits, changes } = bandwidth({ profile: 'metered' })
    // JavaScript callers have no compiler.
    expect(() => limit.setProfile(profile as 'metered')).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG_INVALID',
        message: expect.stringContaining('expected "auto", "metered" or "unmetered"') as string,
      }),
    )
    expect(limit.state).toEqual({ profile: 'metered', isMetered: true, bytesPerSecond: 1_000_000 })
    expect([limits, changes]).toEqual([[1_000_000], []])
  })

  it('survives a platform that does not answer', async () => {
    const { limit, limits } = bandwidth({}, () => Promise.reject(new Error('no such program')))
    await limit.start()
    expect(limits).toEqual([undefined])
    await limit.close()
  })
})

describe('what NetworkManager says', () => {
  it.each([
    ['GENERAL.STATE:100 (connected)\nGENERAL.METERED:yes\n', true],
    ['GENERAL.STATE:100 (connected)\nGENERAL.METERED:yes (guessed)\n', true],
    ['GENERAL.STATE:100 (connected)\nGENERAL.METERED:no (guessed)\n', false],
    ['GENERAL.STATE:100 (connected)\nGENERAL.METERED:unknown\n', undefined],
    ['GENERAL.STATE:30 (disconnected)\nGENERAL.METERED:yes\n', undefined],
    [
      'GENERAL.STATE:100 (connected)\nGENERAL.METERED:no\n\nGENERAL.STATE:100 (connected)\nGENERAL.METERED:yes\n',
      true,
    ],
    ['', undefined],
  ])('%j means %s', (text, expected) => {
    expect(readMetered(text)).toBe(expected)
  })
})

describe('a node', () => {
  it('takes its limit from its options, and a profile by hand', async () => {
    const node = await createNode({ bandwidthLimitMbps: 80, bandwidth: { profile: 'unmetered' } })
    expect(node.network.bandwidthLimit).toBe(10_000_000)
    const changed = node.events.once('bandwidth:changed')
    node.setProfile('metered')
    expect(await changed).toEqual({
      profile: 'metered',
      isMetered: true,
      bytesPerSecond: 1_000_000,
    })
    expect(node.network.bandwidthLimit).toBe(1_000_000)
    expect(node.bandwidth.profile).toBe('metered')
  })
})
