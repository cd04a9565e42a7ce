import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createDatabaseSecret,
  createNodeKey,
  encodeTicket,
  isIdentityError,
  MAX_TICKET_CHARACTERS,
  parseTicket,
  sha256,
  type Ticket,
  type TicketPeer,
} from '@vudo/identity'
import { base32ToBytes, bytesToBase32, bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import { flipEachByte, readVectors, testSeed } from './read-vectors.ts'

interface Vector {
  readonly databaseId: string
  readonly secret: string | null
  readonly role: string | null
  readonly peers: readonly { readonly peerId: string | null; readonly address: string }[]
  readonly text: string
}

const { vectors } = readVectors('ticket') as { vectors: readonly Vector[] }
const ticketError = expect.objectContaining({ name: 'IdentityError', code: 'ERR_TICKET_INVALID' })
const ticket: Ticket = {
  databaseId: 'notes',
  secret: testSeed(0xab),
  role: 'writer',
  peers: [{ peerId: createNodeKey(testSeed(1)).peerId, address: 'tcp://10.0.0.1:34569' }],
}

/** A ticket of any payload with the right checksum: what a hostile author can make. */
function forge(payload: Uint8Array): string {
  const tagged = concatBytes(new TextEncoder().encode('vudo/ticket/1\0'), payload)
  return `vudo1${bytesToBase32(concatBytes(payload, sha256(tagged).subarray(0, 4)))}`
}

/** What a crash report holds of the error that `call` throws, the chain of causes included. */
function crashReport(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return inspect(error, { depth: 9 }) + JSON.stringify(error)
  }
  throw new Error('did not throw')
}

const peer = fc.record<TicketPeer>(
  {
    peerId: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex),
    address: fc.webUrl().filter((url) => url.length < 60),
  },
  { requiredKeys: ['address'] },
)
const anyTicket = fc.record<Ticket>(
  {
    databaseId: fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((id) => new TextEncoder().encode(id).length <= 255),
    secret: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined }),
    role: fc.constantFrom('reader', 'writer-2'),
    peers: fc.array(peer, { maxLength: 4 }),
  },
  { requiredKeys: ['databaseId', 'secret', 'peers'] },
)

describe('tickets', () => {
  it.each(vectors)('encode and parse $text', (vector) => {
    const value: Ticket = {
      databaseId: vector.databaseId,
      secret: vector.secret === null ? undefined : hexToBytes(vector.secret),
      ...(vector.role === null ? {} : { role: vector.role }),
      peers: vector.peers.map(({ peerId, address }) =>
        peerId === null ? { address } : { peerId, address },
      ),
    }
    expect(encodeTicket(value)).toBe(vector.text)
    expect(parseTicket(vector.text)).toEqual(value)
  })

  it('may be written in upper case, with space around them', () => {
    const text = encodeTicket(ticket)
    expect(parseTicket(` \n${text.toUpperCase()}\t`)).toEqual(ticket)
  })

  it('round-trip', () => {
    fc.assert(
      fc.property(anyTicket, (value) => {
        expect(parseTicket(encodeTicket(value))).toEqual(value)
      }),
    )
  })

  it('refuse every changed byte, character, cut and addition', () => {
    const text = encodeTicket(ticket)
    for (const changed of flipEachByte(base32ToBytes(text.slice(5)))) {
      expect(() => parseTicket(`vudo1${bytesToBase32(changed)}`)).toThrow(ticketError)
    }
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === 'a' ? 'b' : 'a'
      expect(() => parseTicket(text.slice(0, at) + other + text.slice(at + 1))).toThrow(ticketError)
      expect(() => parseTicket(text.slice(0, at))).toThrow(ticketError)
    }
    expect(() => parseTicket(`${text}a`)).toThrow(ticketError)
  })

  it.each([
    ['', 'not a ticket', 'begins with "vudo1"'],
    ['hello', 'not a ticket', 'begins with "vudo1"'],
    ['vudo2abc', 'unknown version', 'Update'],
    ['vudo1ab!', 'a character that tickets do not have', 'Copy'],
    ['vudo1', 'checksum', 'Copy'],
    ['vudo1aaaaaaaaaaaa', 'checksum', 'Copy'],
    ['a'.repeat(MAX_TICKET_CHARACTERS + 1), '1025 characters', 'Copy'],
  ])('say what is wrong with "%s" and what to do', (text, message, hint) => {
    expect(() => parseTicket(text)).toThrow(
      expect.objectContaining({
        code: 'ERR_TICKET_INVALID',
        message: expect.stringContaining(message) as string,
        hint: expect.stringContaining(hint) as string,
      }),
    )
  })

  it('refuse what a hostile author can write', () => {
    const id = [1, 0x78]
    expect(parseTicket(forge(Uint8Array.of(0, ...id, 0)))).toEqual({
      databaseId: 'x',
      secret: undefined,
      peers: [],
    })
    for (const payload of [
      [4, ...id, 0],
      [0, 0, 0],
      [0, 1, 0xff, 0],
      [0, ...id],
      [0, ...id, 9],
      [0, ...id, 0, 0],
      [0, ...id, 1, 2, 3, 0x61, 0x3a, 0x62],
      [0, ...id, 1, 0, 2, 0x61, 0x62],
      [2, ...id, 1, 0x41, 0],
      [2, ...id, 0, 0],
      [1, ...id, 0],
    ]) {
      expect(() => parseTicket(forge(Uint8Array.from(payload)))).toThrow(ticketError)
    }
  })

  it('any text gives a ticket or ERR_TICKET_INVALID', () => {
    const forged = fc.uint8Array({ maxLength: 120 }).map(forge)
    fc.assert(
      fc.property(fc.oneof(fc.string(), forged), (text) => {
        try {
          parseTicket(text)
        } catch (error) {
          if (!isIdentityError(error) || error.code !== 'ERR_TICKET_INVALID') throw error
        }
      }),
      { numRuns: 500 },
    )
  })

  it.each<[string, Partial<Ticket>]>([
    ['no id', { databaseId: '' }],
    ['a long id', { databaseId: 'ä'.repeat(128) }],
    ['a lone surrogate', { databaseId: '\ud800' }],
    ['a short secret', { secret: new Uint8Array(31) }],
    ['a malformed role', { role: 'Writer' }],
    ['an empty role', { role: '' }],
    ['a long role', { role: 'w'.repeat(33) }],
    ['9 peers', { peers: Array.from({ length: 9 }, () => ({ address: 'tcp:a' })) }],
    ['a malformed address', { peers: [{ address: 'here' }] }],
    ['a malformed peer id', { peers: [{ peerId: 'abc', address: 'tcp:a' }] }],
    [
      'more than 1,024 characters',
      { peers: Array.from({ length: 8 }, () => ({ address: `t:${'a'.repeat(100)}` })) },
    ],
  ])('are not written with %s', (_name, wrong) => {
    expect(() => encodeTicket({ ...ticket, ...wrong })).toThrow(RangeError)
  })

  it('hide the secret when they are printed, and in errors', () => {
    const parsed = parseTicket(encodeTicket(ticket))
    for (const text of [
      inspect(parsed),
      inspect([{ parsed }], { depth: 9 }),
      JSON.stringify(parsed),
    ]) {
      expect(text).toContain('notes')
      expect(text).toContain('hidden')
      expect(text).not.toMatch(/171|abab/)
    }
    const text = encodeTicket(ticket)
    for (const wrong of [
      `${text}a`,
      `${text}!`,
      text.slice(0, -1),
      text.replace('vudo1', 'vudo2'),
    ]) {
      expect(crashReport(() => parseTicket(wrong))).not.toContain(text.slice(20, 40))
    }
  })

  it('get secrets that nobody else has', () => {
    expect(createDatabaseSecret()).toHaveLength(32)
    expect(createDatabaseSecret()).not.toEqual(createDatabaseSecret())
  })
})
