/** In a page of Chromium: keys, signatures and sealed messages are those of Node. */
import { describe, expect, it } from 'vitest'
import {
  createAgreementKey,
  createNodeKey,
  createSealingKeys,
  decodePeerRecord,
  parseTicket,
  randomBytes,
  seal,
  signMessage,
  signPeerRecord,
  verifyEd25519Async,
  verifyMessage,
} from '@vudo/identity'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import * as chosen from '#crypto'
import * as browser from '../src/crypto.browser.ts'
import { openWith, sealWith } from '../src/sealed.ts'
import records from './vectors/peer-record.json' with { type: 'json' }
import sealed from './vectors/sealed.json' with { type: 'json' }
import { expected, runWycheproof, type Primitive } from './wycheproof.ts'

const hello = new TextEncoder().encode('hello')

it('has the primitives for browsers', () => {
  expect(chosen.ed25519Verify).toBe(browser.ed25519Verify)
  expect('Buffer' in globalThis || 'process' in globalThis).toBe(false)
})

it.each(Object.keys(expected) as Primitive[])('%s: Project Wycheproof', (name) => {
  expect(runWycheproof[name]()).toEqual(expected[name])
})

describe('a page', () => {
  it('signs as Node does (RFC 8032 section 7.1, test 1)', async () => {
    const seed = hexToBytes('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
    const key = createNodeKey(seed)
    expect(key.peerId).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
    const signature = signMessage(key, hello)
    expect(verifyMessage(key.peerId, hello, signature)).toBe(true)
    expect(verifyMessage(key.peerId, hello.subarray(1), signature)).toBe(false)
    expect(verifyMessage(createNodeKey().peerId, hello, signature)).toBe(false)
    expect(await verifyEd25519Async(key.publicKey, hello, signature)).toBe(false)
  })

  it.each(sealed.vectors)('seals and opens as in the vector', (vector) => {
    const recipient = createAgreementKey(hexToBytes(vector.recipientSeed))
    const sender =
      vector.senderSeed === null ? undefined : createNodeKey(hexToBytes(vector.senderSeed))
    const context = hexToBytes(vector.context)
    const plaintext = hexToBytes(vector.plaintext)
    const ephemeral = createAgreementKey(hexToBytes(vector.ephemeralSeed))
    const message = sealWith(ephemeral, recipient.publicKey, plaintext, { context, sender })
    expect(bytesToHex(message)).toBe(vector.sealed)
    expect(openWith([recipient], message, context)).toEqual({ plaintext, from: sender?.peerId })
  })

  it.each(records.vectors)('signs records as in the vector', (vector) => {
    const { addresses, sequence, expiresAtMs } = vector
    const sealingKey = hexToBytes(vector.sealingKey)
    const content = { addresses, sequence, expiresAtMs, sealingKey }
    const record = signPeerRecord(createNodeKey(hexToBytes(vector.seed)), content)
    expect(bytesToHex(record.bytes)).toBe(vector.bytes)
  })

  it('seals to a record, and refuses what was altered', () => {
    const keys = createSealingKeys({ now: Date.now })
    const record = signPeerRecord(createNodeKey(), {
      addresses: ['wss://relay.example'],
      sequence: 1,
      expiresAtMs: Date.now() + 60_000,
      sealingKey: keys.publicKey,
    })
    const sender = createNodeKey()
    const message = seal(decodePeerRecord(record.bytes, Date.now()), hello, { sender })
    expect(keys.open(message)).toEqual({ plaintext: hello, from: sender.peerId })
    const altered = message.with(60, (message[60] ?? 0) ^ 1)
    expect(() => keys.open(altered)).toThrow(expect.objectContaining({ code: 'ERR_SEAL_INVALID' }))
  })

  it('has a generator', () => {
    expect(new Set(randomBytes(100_000).subarray(-1_000)).size).toBeGreaterThan(200)
    expect(() => parseTicket('vudo1')).toThrow(
      expect.objectContaining({ code: 'ERR_TICKET_INVALID' }),
    )
  })
})
