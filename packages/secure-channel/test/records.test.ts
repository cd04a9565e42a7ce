import { describe, expect, it } from 'vitest'
import type { LinkMessage } from '@vudo/transport'
import { createCipherState } from '../src/cipher-state.ts'
import {
  createRecordOpener,
  createRecordSealer,
  maxBodyBytes,
  maxLinkMessageBytes,
  type RecordOpener,
  type RecordSealer,
  type RekeyLimits,
} from '../src/records.ts'

const key = new Uint8Array(32).fill(3)
const application = (...bytes: number[]): LinkMessage => ({
  isControl: false,
  bytes: Uint8Array.from(bytes),
})
const control = (...bytes: number[]): LinkMessage => ({ ...application(...bytes), isControl: true })

function sealer(bodyBytes = 65_518, limits: RekeyLimits = {}): RecordSealer {
  return createRecordSealer(createCipherState(key), bodyBytes, limits)
}

function opener(limits: RekeyLimits = {}): RecordOpener {
  return createRecordOpener(createCipherState(key), limits)
}

/** Records with any plaintext, authentic to an opener of the same key. */
function forger(): (...plain: number[]) => Uint8Array {
  const cipher = createCipherState(key)
  return (...plain) => cipher.encrypt(new Uint8Array(), [Uint8Array.from(plain)])
}

function sealAll(messages: readonly LinkMessage[], from: RecordSealer): Uint8Array[] {
  const records: Uint8Array[] = []
  let pending = messages
  let offset = 0
  while (pending.length > 0) {
    const sealed = from.seal(pending, offset)
    records.push(sealed.record)
    pending = pending.slice(sealed.completed)
    offset = sealed.offset
  }
  return records
}

const withCode = (code: string): unknown => expect.objectContaining({ code })

describe('sizes', () => {
  it('fit 65,518 bytes into the largest record, and less into a narrow pipe', () => {
    expect(maxBodyBytes(65_535)).toBe(65_518)
    expect(maxBodyBytes(1_000_000)).toBe(65_518)
    expect(maxBodyBytes(220)).toBe(203)
  })

  it('give a link 1 MiB, or 256 records of a narrow pipe', () => {
    expect(maxLinkMessageBytes(65_535)).toBe(1_048_576)
    expect(maxLinkMessageBytes(220)).toBe(51_968)
  })

  it.each([
    [1, 1],
    [65_517, 1],
    [65_518, 1],
    [65_519, 2],
    [1_048_576, 17],
  ])('carry %i bytes in %i records', (length, count) => {
    const message: LinkMessage = { isControl: false, bytes: new Uint8Array(length).fill(9) }
    const records = sealAll([message], sealer())
    expect(records).toHaveLength(count)
    expect(Math.max(...records.map((record) => record.length))).toBeLessThanOrEqual(65_535)
    const to = opener()
    const messages = records.flatMap((record) => to.open(record).messages)
    expect(messages).toHaveLength(1)
    expect(Buffer.compare(messages[0]?.bytes ?? key, message.bytes)).toBe(0)
  })
})

describe('packing', () => {
  it('puts small messages of both lanes into one record, in order', () => {
    const messages = [application(1), control(2, 2), application(3, 3, 3)]
    const records = sealAll(messages, sealer())
    expect(records).toHaveLength(1)
    expect(opener().open(records[0] ?? key)).toEqual({ messages, isClose: false })
  })

  it('has the plaintext of the example in the wire format', () => {
    const messages = [application(0x68, 0x69), control(1)]
    const { record } = sealer().seal(messages, 0)
    const plain = createCipherState(key).decrypt(new Uint8Array(), record)
    expect(Buffer.from(plain).toString('hex')).toBe('0402006869010101')
  })

  it('leaves large ones and what does not fit to the next record', () => {
    const large: LinkMessage = { isControl: false, bytes: new Uint8Array(16_385) }
    const half: LinkMessage = { isControl: false, bytes: new Uint8Array(110) }
    expect(sealer().seal([application(1), large], 0).completed).toBe(1)
    expect(sealer().seal([application(1), application(2), large], 0).completed).toBe(2)
    expect(sealer(203).seal([half, half], 0).completed).toBe(1)
  })

  it('packs at most 1,024 messages', () => {
    const many = Array.from({ length: 1_500 }, () => application(1))
    const sealed = sealer().seal(many, 0)
    expect(sealed.completed).toBe(1_024)
    expect(opener().open(sealed.record).messages).toHaveLength(1_024)
  })

  it('gives each message a buffer of its own', () => {
    const { messages } = opener().open(sealer().seal([application(1), application(2)], 0).record)
    expect(messages.map(({ bytes }) => bytes.buffer.byteLength)).toEqual([1, 1])
  })

  it.each<[string, ...number[]]>([
    ['one message', 4, 1, 0, 9],
    ['nothing', 4],
    ['an empty message', 4, 0, 0, 1, 0, 9],
    ['a message cut off', 4, 1, 0, 9, 2, 0, 9],
    ['a lane that does not exist', 4, 1, 2, 9, 1, 0, 9],
    ['a length that is not in its shortest form', 4, 0x81, 0, 0, 9, 1, 0, 9],
    [
      'a control message of 8,193 bytes',
      4,
      0x81,
      0x40,
      1,
      ...Array<number>(8_193).fill(1),
      1,
      0,
      9,
    ],
  ])('refuses %s', (_name, ...plain) => {
    expect(() => opener().open(forger()(...plain))).toThrow(withCode('ERR_CHANNEL_STATE'))
  })

  it('refuses 1,025 messages', () => {
    const plain = [4, ...Array.from({ length: 1_025 }, () => [1, 0, 9]).flat()]
    expect(() => opener().open(forger()(...plain))).toThrow(withCode('ERR_CHANNEL_TOO_LARGE'))
  })
})

describe('an opener', () => {
  it('refuses empty bodies, unknown types and lanes mixed within a message', () => {
    for (const plain of [[0], [1], [3], [5, 1], [255, 1], [2, 1]]) {
      expect(() => opener().open(forger()(...plain))).toThrow(withCode('ERR_CHANNEL_STATE'))
    }
    const forge = forger()
    const to = opener()
    to.open(forge(1, 1))
    expect(() => to.open(forge(4, 1, 0, 9, 1, 0, 9))).toThrow(withCode('ERR_CHANNEL_STATE'))
  })

  it('refuses records below 17 and above 65,535 bytes before opening them', () => {
    expect(() => opener().open(new Uint8Array(16))).toThrow(withCode('ERR_CHANNEL_AUTH'))
    expect(() => opener().open(new Uint8Array(65_536))).toThrow(withCode('ERR_CHANNEL_TOO_LARGE'))
  })

  it('joins 256 records and refuses the 257th', () => {
    const forge = forger()
    const to = opener()
    for (let count = 0; count < 255; count++) to.open(forge(1, count))
    expect(to.open(forge(0, 255)).messages[0]?.bytes).toHaveLength(256)
    for (let count = 0; count < 256; count++) to.open(forge(1, count))
    expect(() => to.open(forge(0, 1))).toThrow(withCode('ERR_CHANNEL_TOO_LARGE'))
  })

  it('refuses application messages above 1 MiB and control messages above 8 KiB', () => {
    const tooLarge: LinkMessage = { isControl: false, bytes: new Uint8Array(1_048_577) }
    const to = opener()
    const records = sealAll([tooLarge], sealer())
    for (const record of records.slice(0, -1)) to.open(record)
    expect(() => to.open(records.at(-1) ?? key)).toThrow(withCode('ERR_CHANNEL_TOO_LARGE'))

    const tooLargeControl: LinkMessage = { isControl: true, bytes: new Uint8Array(8_193) }
    const [record = key] = sealAll([tooLargeControl], sealer())
    expect(() => opener().open(record)).toThrow(withCode('ERR_CHANNEL_TOO_LARGE'))
  })

  it('cuts and joins control messages on a narrow pipe', () => {
    const message: LinkMessage = { isControl: true, bytes: new Uint8Array(8_192).fill(4) }
    const to = opener()
    const messages = sealAll([message], sealer(203)).flatMap((record) => to.open(record).messages)
    expect(messages).toEqual([message])
  })

  it('drops what was half received when the goodbye comes, and opens nothing after it', () => {
    const from = sealer()
    const to = opener()
    to.open(from.seal([{ isControl: false, bytes: new Uint8Array(70_000) }], 0).record)
    expect(to.open(from.sealClose())).toEqual({ messages: [], isClose: true })
    expect(() => to.open(key)).toThrow(withCode('ERR_CHANNEL_CLOSED'))
    expect(() => from.seal([application(1)], 0)).toThrow(withCode('ERR_CHANNEL_CLOSED'))
    expect(() => from.sealClose()).toThrow(withCode('ERR_CHANNEL_CLOSED'))
  })
})

describe('key changes', () => {
  it.each([{ rekeyRecords: 10 }, { rekeyBytes: 5_000 }])('are in step under %o', (limits) => {
    const [from, to, fixed] = [sealer(65_518, limits), opener(limits), opener()]
    let differs = 0
    for (let length = 1; length <= 1_000; length++) {
      const message: LinkMessage = { isControl: false, bytes: new Uint8Array(length) }
      const { record } = from.seal([message], 0)
      expect(to.open(record).messages).toEqual([message])
      try {
        fixed.open(record)
      } catch {
        differs += 1
      }
    }
    // Without a change, an opener that never changes would have opened all of them.
    expect(differs).toBeGreaterThan(900)
  })

  it('fail at once when the ends count differently', () => {
    const [from, to] = [sealer(65_518, { rekeyRecords: 10 }), opener()]
    for (let count = 0; count < 10; count++) to.open(from.seal([application(1)], 0).record)
    expect(() => to.open(from.seal([application(1)], 0).record)).toThrow(
      withCode('ERR_CHANNEL_AUTH'),
    )
  })
})
