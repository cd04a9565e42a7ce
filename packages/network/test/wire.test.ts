import { createHmac, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isNetworkError } from '@vudo/network'
import { hexToBytes } from '@vudo/wire'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deriveDatabaseKey, membershipProof } from '../src/membership.ts'
import {
  decodeFrame,
  encodeAck,
  encodeAsk,
  encodeCode,
  encodeData,
  encodeEnd,
  encodeHello,
  encodeOpen,
  encodeProofs,
  encodeReset,
  encodeTime,
  encodeWelcome,
  frameKind,
  type Frame,
} from '../src/wire.ts'

interface ProofVector {
  readonly databaseId: string
  readonly secret: string | null
  readonly dialerNonce: string
  readonly acceptorNonce: string
  readonly dialer: string
  readonly acceptor: string
  readonly dialerProof: string
  readonly acceptorProof: string
}

const vectors = JSON.parse(
  readFileSync(new URL('vectors/session.json', import.meta.url), 'utf8'),
) as {
  readonly frames: { readonly name: string; readonly hex: string }[]
  readonly malformed: { readonly why: string; readonly hex: string }[]
  readonly proofs: ProofVector[]
}

function encode(frame: Frame): Uint8Array {
  switch (frame.kind) {
    case frameKind.hello:
      return encodeHello(frame)
    case frameKind.welcome:
      return encodeWelcome(frame)
    case frameKind.refused:
    case frameKind.goodbye:
      return encodeCode(frame)
    case frameKind.confirm:
    case frameKind.membership:
      return encodeProofs(frame)
    case frameKind.ping:
    case frameKind.pong:
      return encodeTime(frame)
    case frameKind.open:
      return encodeOpen(frame)
    case frameKind.data:
    case frameKind.dataAsking:
      return encodeData(frame, frame.kind === frameKind.dataAsking)
    case frameKind.ask:
      return encodeAsk()
    case frameKind.end:
      return encodeEnd(frame)
    case frameKind.reset:
      return encodeReset(frame)
    case frameKind.ack:
      return encodeAck(frame)
    default:
      throw new Error('a hello of another version')
  }
}

function codeOf(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return isNetworkError(error) ? error.code : error
  }
}

/** What is read has one encoding, except that the largest frame of a hello or welcome is clamped. */
function againOf(bytes: Uint8Array): Uint8Array {
  if (codeOf(() => decodeFrame(bytes)) !== undefined) return bytes
  const frame = decodeFrame(bytes)
  const isClamped = bytes[0] === frameKind.hello || bytes[0] === frameKind.welcome
  return frame === undefined || isClamped ? bytes : encode(frame)
}

describe('frames', () => {
  it.each(vectors.frames)('$name has these bytes and no others', ({ hex }) => {
    const bytes = hexToBytes(hex)
    expect(encode(decodeFrame(bytes)!)).toEqual(bytes)
  })

  it.each(vectors.malformed)('refuses $why', ({ hex }) => {
    expect(codeOf(() => decodeFrame(hexToBytes(hex)))).toBe('ERR_SESSION_PROTOCOL')
  })

  it('throws only its own error, whatever the bytes are', () => {
    const kinds = fc.constantFrom(...Object.values(frameKind), 0x00, 0x80)
    const random = fc.tuple(kinds, fc.uint8Array({ maxLength: 200 })).map(([kind, rest]) => {
      return Uint8Array.of(kind, ...rest)
    })
    const damaged = fc
      .tuple(fc.constantFrom(...vectors.frames), fc.nat(), fc.nat(255), fc.nat(20))
      .map(([{ hex }, at, value, cut]) => {
        const bytes = hexToBytes(hex)
        bytes[at % bytes.length] = value
        return bytes.subarray(0, Math.max(1, bytes.length - (cut > 10 ? cut - 10 : 0)))
      })
    fc.assert(
      fc.property(fc.oneof(random, damaged), (bytes) => {
        expect([undefined, 'ERR_SESSION_PROTOCOL']).toContain(codeOf(() => decodeFrame(bytes)))
        expect(againOf(bytes)).toEqual(bytes)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('membership', () => {
  it.each(vectors.proofs)('$name: as HKDF and HMAC of node make it', (vector) => {
    const secret = vector.secret === null ? undefined : hexToBytes(vector.secret)
    const { key } = deriveDatabaseKey(vector.databaseId, secret)
    const roles = {
      isDialer: true,
      dialerNonce: hexToBytes(vector.dialerNonce),
      acceptorNonce: hexToBytes(vector.acceptorNonce),
      self: hexToBytes(vector.dialer),
      peer: hexToBytes(vector.acceptor),
    }
    const own = membershipProof(key, roles, true)
    expect(own).toEqual(hexToBytes(vector.dialerProof))
    expect(membershipProof(key, roles, false)).toEqual(hexToBytes(vector.acceptorProof))
    const label = secret ? 'vudo/session/1/membership' : 'vudo/session/1/open-membership'
    const reference = hkdfSync('sha256', secret ?? vector.databaseId, '', label, 32)
    const { dialerNonce, acceptorNonce, dialer, acceptor } = vector
    const message = Buffer.concat([
      Buffer.from('vudo/session-membership/1\0\u0001'),
      Buffer.from(dialerNonce + acceptorNonce + dialer + acceptor, 'hex'),
    ])
    expect(own).toEqual(
      new Uint8Array(createHmac('sha256', Buffer.from(reference)).update(message).digest()),
    )
  })
})
