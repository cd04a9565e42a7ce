import { describe, expect, it } from 'vitest'
import { createFakeDisk } from '@vudo/storage'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined): string | undefined =>
  value && new TextDecoder().decode(value)

function put(key: string, value: string) {
  return { type: 'put', key: bytes(key), value: bytes(value) } as const
}

describe('createFakeDisk', () => {
  it('shows a running program what it appended', () => {
    const disk = createFakeDisk(() => 0)
    disk.append([put('b', '2'), put('a', '1'), put('ab', '3')])
    disk.append([{ type: 'delete', key: bytes('a') }])
    expect(text(disk.get(bytes('a')))).toBeUndefined()
    expect(disk.scan(bytes('')).map(({ key, value }) => [text(key), text(value)])).toEqual([
      ['ab', '3'],
      ['b', '2'],
    ])
    expect(disk.scan(bytes('a'))).toHaveLength(1)
    expect(disk.unsyncedBatches).toBe(2)
  })

  it('keeps what was synced and loses what was not', () => {
    const disk = createFakeDisk(() => 0)
    disk.append([put('a', '1')])
    disk.sync()
    disk.append([put('a', '2'), put('b', '2')])
    disk.crash()
    expect([text(disk.get(bytes('a'))), disk.get(bytes('b'))]).toEqual(['1', undefined])
    expect(disk.unsyncedBatches).toBe(0)
  })

  it('keeps a random number of whole batches, oldest first', () => {
    const left = new Set<string>()
    for (let step = 0; step < 8; step += 1) {
      const disk = createFakeDisk(() => step / 8)
      for (const at of ['1', '2', '3']) disk.append([put(`${at}x`, at), put(`${at}y`, at)])
      disk.crash()
      left.add(
        disk
          .scan(bytes(''))
          .map(({ key }) => text(key))
          .join(' '),
      )
    }
    expect([...left]).toEqual(['', '1x 1y', '1x 1y 2x 2y', '1x 1y 2x 2y 3x 3y'])
  })

  it('shows what was synced and nothing else, if asked to, as a store does', () => {
    const disk = createFakeDisk(() => 0, { reads: 'synced' })
    disk.append([put('a', '1')])
    expect(disk.get(bytes('a'))).toBeUndefined()
    disk.sync()
    disk.append([put('a', '2'), put('b', '2')])
    expect(text(disk.get(bytes('a')))).toBe('1')
    expect(disk.scan(bytes(''))).toHaveLength(1)
    disk.sync()
    expect(disk.scan(bytes(''))).toHaveLength(2)
    disk.append([{ type: 'delete', key: bytes('a') }])
    disk.crash()
    expect(text(disk.get(bytes('a')))).toBe('2')
  })

  it.each(['appended', 'synced'] as const)('takes an older copy for good (%s)', (reads) => {
    const disk = createFakeDisk(() => 0, { reads })
    disk.append([put('a', '1'), put('b', '1')])
    disk.sync()
    const copy = disk.scan(bytes(''))
    disk.append([put('a', '2'), put('c', '2')])
    disk.sync()
    disk.append([put('d', '3')])
    disk.replace(copy)
    for (const { value } of copy) value.fill(0)
    for (const then of [() => {}, () => disk.sync(), () => disk.crash()]) {
      then()
      const entries = disk.scan(bytes('')).map(({ key, value }) => [text(key), text(value)])
      expect(entries).toEqual([
        ['a', '1'],
        ['b', '1'],
      ])
    }
  })

  it('copies what it is given and what it gives', () => {
    const disk = createFakeDisk(() => 0)
    const operation = put('a', '1')
    disk.append([operation])
    operation.value.fill(0)
    disk.get(bytes('a'))!.fill(0)
    for (const { value } of disk.scan(bytes(''))) value.fill(0)
    expect(text(disk.get(bytes('a')))).toBe('1')
  })

  it('fails the next append once, and changes nothing', () => {
    const disk = createFakeDisk(() => 0)
    disk.failNext('append', new Error('ENOSPC'))
    expect(() => disk.append([put('a', '1')])).toThrow('ENOSPC')
    expect(disk.get(bytes('a'))).toBeUndefined()
    disk.append([put('a', '2')])
    disk.sync()
    disk.crash()
    expect(text(disk.get(bytes('a')))).toBe('2')
  })

  it('never makes durable again what a failed sync may have lost', () => {
    const disk = createFakeDisk(() => 0)
    disk.append([put('a', '1')])
    disk.failNext('sync', new Error('EIO'))
    expect(() => disk.sync()).toThrow('EIO')
    expect(() => disk.sync()).toThrow('EIO')
    expect(() => disk.append([])).toThrow('EIO')
    disk.crash()
    expect(disk.get(bytes('a'))).toBeUndefined()
    disk.append([put('a', '2')])
    disk.sync()
  })
})
