import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../src/crc32c.ts'
import { recordKey, rootPath, subPath } from '../src/keys.ts'
import { encodeRecord } from '../src/record.ts'

interface Vectors {
  readonly crc32c: readonly { readonly bytes: string; readonly sum: string }[]
  readonly records: readonly {
    readonly view: readonly string[]
    readonly key: string
    readonly value: string
    readonly storedKey: string
    readonly storedValue: string
  }[]
}

const file = new URL('vectors/stored-records.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const toHex = (value: Uint8Array): string => Buffer.from(value).toString('hex')

describe('crc32c', () => {
  it.each(vectors.crc32c)('gives $sum', ({ bytes, sum }) => {
    const whole = fromHex(bytes)
    expect(crc32c(whole).toString(16).padStart(8, '0')).toBe(sum)
    expect(crc32c(whole.subarray(0, 3), whole.subarray(3))).toBe(crc32c(whole))
  })
})

describe('a stored record', () => {
  it.each(vectors.records)('in $view with key $key', (vector) => {
    const path = vector.view.reduce(subPath, rootPath)
    const key = recordKey(path, fromHex(vector.key))
    expect(toHex(key)).toBe(vector.storedKey)
    expect(toHex(encodeRecord(key, fromHex(vector.value)))).toBe(vector.storedValue)
  })
})
