import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

/**
 * Packages with known holes, and the first version without them. A package that is not
 * in the lockfile is no danger; one that comes in later is held to its line at once.
 */
const minimumVersions: Readonly<Record<string, string>> = {
  // CVE-2026-46679: no cap on subscriptions, and later caps and checks of signatures.
  '@libp2p/gossipsub': '16.1.1',
  // CVE-2026-45783: PUT_VALUE with a short key skipped validation and filled the disk.
  '@libp2p/kad-dht': '16.4.2',
  // CVE-2022-23487, and the length checks of July 2026 in all that was released with it.
  libp2p: '3.3.8',
  '@libp2p/crypto': '5.1.23',
  '@libp2p/webrtc': '6.0.33',
  // CVE-2021-32640, CVE-2024-37890, and fragments that exhaust memory.
  ws: '8.23.0',
  // 0.33.0 to 0.33.3 were published without their binaries.
  'node-datachannel': '0.33.4',
}

/** Packages that are not to come in at all, and what takes their place. */
const forbidden: Readonly<Record<string, string>> = {
  '@chainsafe/libp2p-gossipsub': '@libp2p/gossipsub',
  '@chainsafe/libp2p-noise': '@libp2p/noise',
  '@chainsafe/libp2p-yamux': '@libp2p/yamux',
  '@ipshipyard/node-datachannel': 'node-datachannel',
}

const root = path.resolve(import.meta.dirname, '..')
const locked = lockedVersions(readFileSync(path.join(root, 'pnpm-lock.yaml'), 'utf8'))

describe('the lockfile', () => {
  it('names the packages it is read for', () => {
    expect(locked.get('libp2p')).toBeDefined()
    expect(locked.get('vitest')).toBeDefined()
  })

  it.each(Object.entries(minimumVersions))('has %s from %s on, or not at all', (name, least) => {
    const old = (locked.get(name) ?? []).filter((version) => compare(version, least) < 0)
    expect(old).toEqual([])
  })

  // Two lines are maintained.
  it('has protobufjs from 7.5.6 or 8.0.2 on, or not at all', () => {
    const old = (locked.get('protobufjs') ?? []).filter(
      (version) => compare(version, version.startsWith('7.') ? '7.5.6' : '8.0.2') < 0,
    )
    expect(old).toEqual([])
  })

  it.each(Object.entries(forbidden))('has no %s, which %s replaces', (name) => {
    expect(locked.get(name)).toBeUndefined()
  })
})

describe('reading it', () => {
  it('finds a version that is too old', () => {
    const text = "packages:\n\n  '@libp2p/kad-dht@16.2.0':\n    resolution: {}\n\n  ws@8.17.0:\n"
    const found = lockedVersions(text)
    expect(compare(found.get('@libp2p/kad-dht')?.[0] ?? '', '16.4.2')).toBeLessThan(0)
    expect(compare(found.get('ws')?.[0] ?? '', '8.23.0')).toBeLessThan(0)
    expect(compare('8.23.0', '8.23.0')).toBe(0)
    expect(compare('10.0.0', '9.9.9')).toBeGreaterThan(0)
    expect(compare('3.3.8-rc.1', '3.3.8')).toBeLessThan(0)
  })
})

/** The versions of each package: the keys of the section `packages`, `name@version`. */
function lockedVersions(lockfile: string): Map<string, string[]> {
  const versionsByName = new Map<string, string[]>()
  const section = lockfile.split(/^packages:$/m)[1]?.split(/^\S/m)[0] ?? ''
  for (const [, name = '', version = ''] of section.matchAll(
    /^ {2}'?(@?[^@\s']+)@([^\s':(]+)'?:/gm,
  )) {
    versionsByName.set(name, [...(versionsByName.get(name) ?? []), version])
  }
  return versionsByName
}

/** Below 0 when `a` is older than `b`; a version with a suffix is older than the one without. */
function compare(a: string, b: string): number {
  const [numbersA, numbersB] = [a, b].map((version) =>
    (version.split('-')[0] ?? '').split('.').map(Number),
  )
  for (const at of [0, 1, 2]) {
    const difference = (numbersA?.[at] ?? 0) - (numbersB?.[at] ?? 0)
    if (difference !== 0) return difference
  }
  return Number(b.includes('-')) - Number(a.includes('-'))
}
