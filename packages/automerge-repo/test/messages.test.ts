import { bytesToHex, encodeCbor, hexToBytes } from '@vudo/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  PartJoiner,
  readHello,
  readMessage,
  writeHello,
  writeMessage,
} from '../src/adapter-wire.ts'
import { decodeMessage, encodeMessage } from '../src/cbor-message.ts'
import { AutomergeRepoError, isAutomergeRepoError } from '../src/errors.ts'
import { SharedBytes } from '../src/shared-bytes.ts'
import vectors from './vectors/messages.json' with { type: 'json' }

/** The message in parts, as the far end reads it. */
function joined(parts: readonly Uint8Array[], mostOfAll = 100_000_000): Uint8Array {
  const joiner = new PartJoiner(new SharedBytes(mostOfAll), () => {
    throw new AutomergeRepoError('ERR_REPO_MESSAGE', 'it holds the most')
  })
  const [whole, ...more] = parts.map((part) => joiner.take(part)).filter((part) => part)
  if (!whole || more.length > 0) throw new Error('not one message')
  return whole
}

function codeOf(task: () => unknown): string | undefined {
  try {
    task()
    return undefined
  } catch (error) {
    return isAutomergeRepoError(error) ? error.code : 'another error'
  }
}

test('adapters write what is documented, and read it back', () => {
  const [hello, ...messages] = vectors.adapter.map(({ parts }) => joined(parts.map(hexToBytes)))
  const content = readHello(hello ?? new Uint8Array())
  expect(content).toEqual({ peerId: 'alice', isEphemeral: true })
  expect(writeHello(content).map(bytesToHex)).toEqual(vectors.adapter[0]?.parts)
  for (const [at, bytes] of messages.entries()) {
    const message = readMessage(bytes)
    expect(message && writeMessage(message).map(bytesToHex)).toEqual(vectors.adapter[at + 1]?.parts)
  }
})

test('reads what automerge-repo writes as what this package writes', () => {
  for (const { ours, theirs } of vectors.dialect) {
    const [mine, other] = [decodeMessage(hexToBytes(ours)), decodeMessage(hexToBytes(theirs))]
    expect(JSON.stringify(sorted(other))).toBe(JSON.stringify(sorted(mine)))
    expect(bytesToHex(encodeMessage(mine))).toBe(ours)
  }
})

/** The same whatever the order of its keys was. */
function sorted(fields: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

const read = (hex: string): unknown => decodeMessage(hexToBytes(`a16178${hex}`))['x']

test('reads the spellings of CBOR that programs use', () => {
  expect(read('fb3ff8000000000000')).toBe(1.5)
  expect(read('fa3fc00000')).toBe(1.5)
  expect(read('3903e7')).toBe(-1_000)
  expect(read('1b0000000100000000')).toBe(2 ** 32)
  expect(read('d84043010203')).toEqual(Uint8Array.of(1, 2, 3))
  expect(read('f7')).toBeUndefined()
  expect(read('8301f4f6')).toEqual([1, false, null])
})

test.each([
  ['an indefinite length', 'bf616101ff'],
  ['another tag', 'a16178c100'],
  ['a key that is no text', 'a10101'],
  ['__proto__', 'a1695f5f70726f746f5f5f01'],
  ['no map', '80'],
  ['more behind it', 'a000'],
  ['a text that is none', 'a1617862ff00'],
  ['a length that is not there', 'a161785a7fffffff00'],
])('refuses %s', (_name, hex) => {
  expect(codeOf(() => decodeMessage(hexToBytes(hex)))).toBe('ERR_REPO_MESSAGE')
})

test('whatever the bytes are, only the message error comes out', () => {
  const real = vectors.dialect.map(({ theirs }) => hexToBytes(theirs))
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.constantFrom(...real), fc.nat(), fc.nat({ max: 255 }))
      .map(([original, at, value]) => {
        const copy = original.slice()
        copy[at % copy.length] = value
        return copy
      }),
  )
  fc.assert(
    fc.property(bytes, (message) => {
      for (const decoder of [decodeMessage, readMessage, readHello]) {
        expect([undefined, 'ERR_REPO_MESSAGE']).toContain(codeOf(() => decoder(message)))
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a message of many small values is refused before any is built', () => {
  const fields = { type: 'doc-unavailable', documentId: '4R8U7rXbA2J4K2stg78EsNNVd1rx' }
  const withList = (length: number): Uint8Array =>
    encodeCbor({ ...fields, list: Array.from({ length }, () => ({})) })
  expect(readMessage(withList(9_000))?.message.type).toBe('doc-unavailable')
  expect(codeOf(() => readMessage(withList(10_000)))).toBe('ERR_REPO_MESSAGE')
})

test('a message in parts is joined within the bound of its peer and of all', () => {
  const data = new Uint8Array(600_000).fill(3)
  const documentId = '4R8U7rXbA2J4K2stg78EsNNVd1rx'
  const parts = writeMessage({ message: { type: 'sync', documentId, data } })
  expect(parts).toHaveLength(3)
  expect(readMessage(joined(parts))?.message).toMatchObject({ type: 'sync', data })
  expect(codeOf(() => joined(parts, 500_000))).toBe('ERR_REPO_MESSAGE')
  const all = new SharedBytes(1_000_000)
  const joiner = new PartJoiner(all, () => {})
  joiner.take(parts[0] ?? new Uint8Array())
  expect(all.total).toBeGreaterThan(260_000)
  joiner.forget()
  expect(all.total).toBe(0)
})

test('beyond the bound of all the peer that holds the most gives way, nobody else', () => {
  const all = new SharedBytes(1_000)
  const ended: string[] = []
  const joinerOf = (name: string): PartJoiner => {
    const joiner: PartJoiner = new PartJoiner(all, () => {
      ended.push(name)
      joiner.forget()
    })
    return joiner
  }
  const [greedy, honest] = [joinerOf('greedy'), joinerOf('honest')]
  for (let at = 0; at < 9; at++) greedy.take(new Uint8Array(101))
  expect(honest.take(new Uint8Array(151))).toBeUndefined()
  expect(ended).toEqual(['greedy'])
  expect(all.total).toBe(150)
  expect(honest.take(Uint8Array.of(1, 7))).toHaveLength(151)
  expect(all.total).toBe(0)
})
