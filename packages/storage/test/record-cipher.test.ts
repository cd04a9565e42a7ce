import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unwrapDataKey, wrapDataKey } from '../src/data-key.ts'
import { RecordCipher } from '../src/record-cipher.ts'

interface Vectors {
  readonly programKey: string
  readonly salt: string
  readonly dataKey: string
  readonly header: string
  readonly records: readonly Readonly<
    Record<'key' | 'record' | 'place' | 'name' | 'sealed', string>
  >[]
}

const file = new URL('vectors/encrypted-records.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const toHex = (value: Uint8Array | undefined): string | undefined =>
  value && Buffer.from(value).toString('hex')

const cipher = (): RecordCipher => new RecordCipher(fromHex(vectors.dataKey))

describe('the header', () => {
  it('gives back the data key, for the right key alone', () => {
    const [key, dataKey] = [fromHex(vectors.programKey), fromHex(vectors.dataKey)]
    expect(toHex(wrapDataKey(key, dataKey, fromHex(vectors.salt)))).toBe(vectors.header)
    expect(toHex(unwrapDataKey(key, fromHex(vectors.header)))).toBe(vectors.dataKey)
    expect(() => unwrapDataKey(dataKey, fromHex(vectors.header))).toThrow(
      expect.objectContaining({ code: 'ERR_STORE_KEY_WRONG' }),
    )
  })

  it('never throws anything but its errors', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (header) => {
        expect(() => unwrapDataKey(fromHex(vectors.programKey), header)).toThrow(
          expect.objectContaining({ name: 'StoreError' }),
        )
      }),
    )
  })
})

describe('an encrypted record', () => {
  it.each(vectors.records)('with key $key', (vector) => {
    const place = cipher().placeOf(fromHex(vector.key))
    expect(toHex(place)).toBe(vector.place)
    expect(toHex(cipher().sealName(fromHex(vector.key), place))).toBe(vector.name)
    expect(toHex(cipher().openName(fromHex(vector.name)))).toBe(vector.key)
    expect(toHex(cipher().openValue(place, fromHex(vector.sealed)))).toBe(vector.record)
  })

  it('opens again, and not after any change of one byte or at another place', () => {
    const sealer = cipher()
    const sample = fc.uint8Array({ maxLength: 100 })
    fc.assert(
      fc.property(sample, sample, fc.nat(), (key, value, number) => {
        const place = sealer.placeOf(key)
        const [name, sealed] = [sealer.sealName(key, place), sealer.sealValue(place, value)]
        expect(sealer.openName(name)).toEqual(key)
        expect(sealer.openValue(place, sealed)).toEqual(value)
        const flipped = (bytes: Uint8Array): Uint8Array => {
          const at = number % bytes.length
          return bytes.with(at, bytes.at(at)! ^ 1)
        }
        expect(sealer.openName(flipped(name))).toBeUndefined()
        expect(sealer.openValue(place, flipped(sealed))).toBeUndefined()
        expect(sealer.openValue(flipped(place), sealed)).toBeUndefined()
      }),
    )
  })

  it('never lets a decoder throw', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 60 }), (stored, place) => {
        expect(cipher().openName(stored)).toBeUndefined()
        expect(cipher().openValue(place, stored)).toBeUndefined()
      }),
    )
  })
})
