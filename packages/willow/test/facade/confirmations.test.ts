import { describe, expect, it } from 'vitest'
import {
  createArea,
  createEntry,
  EMPTY_PAYLOAD_DIGEST,
  parsePath,
  timeRanges,
  type Area,
  type Entry,
} from '@vudo/meadowcap'
import type { ErasureRecord } from '@vudo/willow'
import { Confirmations } from '../../src/facade/confirmations.ts'
import { MAX_COVERS_PER_ERASURE } from '../../src/limits.ts'

const subspaceId = new Uint8Array(32).fill(7)
const timestamp = 1000n

function tombstoneAt(path: string, at = timestamp): Entry {
  return createEntry({
    namespaceId: new Uint8Array(32),
    subspaceId,
    path: parsePath(path),
    timestamp: at,
    payloadLength: 0n,
    payloadDigest: EMPTY_PAYLOAD_DIGEST,
  })
}

function recordOf(tombstone: Entry): ErasureRecord {
  const area = createArea({ subspaceId, path: tombstone.path })
  const rest = { erasedCount: 1, erasedAtMs: 0, reason: 'tidying', confirmations: [] }
  return { id: 1, area, timestamp: tombstone.timestamp, ...rest }
}

function below(path: string, end?: bigint): Area {
  return createArea({ path: parsePath(path), times: timeRanges.create(0n, end) })
}

/** An erasure of `patients` that was made, and a device with a right. */
function erased(readable: Area): { said: Confirmations; record: ErasureRecord } {
  const said = new Confirmations()
  said.share('tablet', [readable])
  const tombstone = tombstoneAt('patients')
  const done = said.watch()
  said.inserted(tombstone)
  const record = recordOf(tombstone)
  said.add(record, tombstone)
  done()
  return { said, record }
}

describe('an erasure is confirmed', () => {
  it('by a device that says so afterwards about all it may read there', () => {
    const { said, record } = erased(below(''))
    expect(said.confirmedBy('tablet', [record])).toEqual([])
    said.confirm('tablet', below('patients/p-1'))
    expect(said.confirmedBy('tablet', [record])).toEqual([])
    said.confirm('tablet', below(''))
    expect(said.confirmedBy('tablet', [record])).toEqual([1])
    expect(said.confirmedBy('laptop', [record])).toEqual([])
  })

  it('not by what was said before', () => {
    const said = new Confirmations()
    said.share('tablet', [below('')])
    const done = said.watch()
    said.confirm('tablet', below(''))
    const tombstone = tombstoneAt('patients')
    said.inserted(tombstone)
    const record = recordOf(tombstone)
    said.add(record, tombstone)
    expect(said.confirmedBy('tablet', [record])).toEqual([])
    done()
  })

  it('also by what was said between the tombstone and the note of it', () => {
    const said = new Confirmations()
    said.share('tablet', [below('')])
    const done = said.watch()
    const tombstone = tombstoneAt('patients')
    said.inserted(tombstone)
    said.confirm('tablet', below('patients'))
    const record = recordOf(tombstone)
    said.add(record, tombstone)
    done()
    expect(said.confirmedBy('tablet', [record])).toEqual([1])
  })

  it('not by a device that cannot see the tombstone, until it has one of its own', () => {
    const { said, record } = erased(below('patients/p-1'))
    said.confirm('tablet', below('patients/p-1'))
    expect(said.confirmedBy('tablet', [record])).toEqual([])
    const own = tombstoneAt('patients/p-1', timestamp + 1n)
    const done = said.watch()
    said.inserted(own)
    said.cover(record, createArea({ subspaceId, path: own.path }), own)
    done()
    expect(said.confirmedBy('tablet', [record])).toEqual([])
    said.confirm('tablet', below('patients/p-1'))
    expect(said.confirmedBy('tablet', [record])).toEqual([1])
  })

  it('not by a device whose right to read ended before', () => {
    const { said, record } = erased(below('', timestamp))
    said.confirm('tablet', below('', timestamp))
    expect(said.confirmedBy('tablet', [record])).toEqual([])
    const later = erased(below('', timestamp + 1n))
    later.said.confirm('tablet', below('', timestamp + 1n))
    expect(later.said.confirmedBy('tablet', [later.record])).toEqual([1])
  })

  it('not by a device that confirms only what it may still read of what it could read before', () => {
    const { said, record } = erased(below('patients'))
    said.share('tablet', [below('patients/p-1')])
    said.cover(record, createArea({ subspaceId, path: parsePath('patients/p-1') }), said.now)
    said.confirm('tablet', below('patients/p-1'))
    expect(said.confirmedBy('tablet', [record], [below('patients')])).toEqual([])
    said.confirm('tablet', below('patients'))
    expect(said.confirmedBy('tablet', [record], [below('patients')])).toEqual([1])
  })

  it('not by what was said of an older tombstone above', () => {
    const { said, record } = erased(below(''))
    said.confirm('tablet', below(''), timestamp - 1n)
    expect(said.confirmedBy('tablet', [record])).toEqual([])
    said.confirm('tablet', below(''), timestamp)
    expect(said.confirmedBy('tablet', [record])).toEqual([1])
  })
})

it('bounds the tombstones that one erasure gets for who may read a part only', () => {
  const { said, record } = erased(below(''))
  for (let at = 0; at < MAX_COVERS_PER_ERASURE; at++) {
    const part = createArea({ subspaceId, path: parsePath(`patients/${at}`) })
    expect(said.canCover(record, part)).toBe(true)
    said.cover(record, part, 1)
  }
  expect(said.canCover(record, createArea({ subspaceId, path: parsePath('patients/x') }))).toBe(
    false,
  )
  expect(said.canCover(record, createArea({ subspaceId, path: parsePath('patients/0') }))).toBe(
    true,
  )
})
