import {
  createCursor,
  createArea,
  createNamespaceKey,
  createPath,
  createRootCapability,
  createUserKey,
  encodeCapability,
  grantCapability,
  areaTo3dRange,
  isMeadowcapError,
} from '@vudo/meadowcap'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { MAX_SHOWN_BYTES, MAX_SHOWN_CAPABILITIES } from '../../src/limits.ts'
import { EntryReader } from '../../src/reconcile/entry-stream.ts'
import { ItemReader } from '../../src/reconcile/reconcile-wire.ts'
import { isKeyProven } from '../../src/sync/rights.ts'
import { decodeSessionMessage, encodeSessionMessage } from '../../src/sync/session-wire.ts'
import { WillowSession } from '../../src/sync/session.ts'

const file = new URL('../vectors/willow-sync.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as {
  namespaceId: string
  challenge: string
  prover: string
  verifier: string
  messages: { what: string; type: string; code: string }[]
}

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

function sessionAfterRights(): WillowSession {
  const namespaceId = fromHex(vectors.namespaceId)
  const session = new WillowSession({
    namespaceId,
    peerId: vectors.verifier,
    remotePeerId: vectors.prover,
    isOpener: false,
    capabilities: [],
    signers: [],
    openArea: createArea(),
    metered: { isMetered: false, deferAboveBytes: 0 },
    random: (length) => new Uint8Array(length).fill(0xbb),
  })
  session.handle({ type: 'start' }, 0)
  const say = (message: Parameters<typeof encodeSessionMessage>[0]): void => {
    session.handle({ type: 'message', bytes: encodeSessionMessage(message) }, 0)
  }
  say({ type: 'hello', namespaceId, nonce: new Uint8Array(32) })
  say({ type: 'rights', proofs: [], capabilities: [] })
  session.handle({ type: 'verified', answers: [] }, 0)
  say({ type: 'accepted', bits: new Uint8Array(0), open: createArea() })
  return session
}

describe('the messages of a sync session', () => {
  test.each(vectors.messages)('$what: is read and written as its vector says', ({ type, code }) => {
    const message = decodeSessionMessage(fromHex(code))
    expect(message.type).toBe(type)
    const again = encodeSessionMessage(message as Parameters<typeof encodeSessionMessage>[0])
    expect(Buffer.from(again).toString('hex')).toBe(code)
  })

  test('hold a proof that is for one prover, verifier and challenge only', () => {
    const code = vectors.messages.find(({ type }) => type === 'rights')!.code
    const message = decodeSessionMessage(fromHex(code))
    if (message.type !== 'rights') throw new Error('no rights')
    const { prover, verifier } = vectors
    const context = {
      namespaceId: fromHex(vectors.namespaceId),
      prover,
      verifier,
      nonce: fromHex(vectors.challenge),
    }
    const [proof] = message.proofs
    if (!proof) throw new Error('the vector holds no proof')
    expect(isKeyProven(proof, context)).toBe(true)
    expect(isKeyProven(proof, { ...context, prover: verifier, verifier: prover })).toBe(false)
    expect(isKeyProven(proof, { ...context, nonce: new Uint8Array(32) })).toBe(false)
  })

  test('show capabilities of so many bytes in all', () => {
    const user = createUserKey(new Uint8Array(32).fill(1))
    let capability = createRootCapability({
      access: 'read',
      namespace: createNamespaceKey({ kind: 'communal' }).publicKey,
      userKey: user.publicKey,
    })
    for (let step = 0; step < 36; step++) {
      capability = grantCapability(capability, { signer: user, to: user.publicKey })
    }
    const fits = Math.floor(MAX_SHOWN_BYTES / (encodeCapability(capability).length + 9))
    const decode = (count: number): unknown => {
      const capabilities = Array.from({ length: count }, () => capability)
      return decodeSessionMessage(
        encodeSessionMessage({ type: 'rights', proofs: [], capabilities }),
      )
    }
    expect(fits).toBeLessThan(MAX_SHOWN_CAPABILITIES)
    expect(decode(fits)).toMatchObject({ type: 'rights' })
    expect(() => decode(MAX_SHOWN_CAPABILITIES)).toThrow(/more than 196608 bytes/)
  })

  test('of a reconciliation are the items of the vector', () => {
    const code = vectors.messages.find(({ type }) => type === 'reconcile')!.code
    const message = decodeSessionMessage(fromHex(code))
    if (message.type !== 'reconcile') throw new Error('no items')
    const { bytes } = message
    const range = areaTo3dRange(createArea({ path: createPath(['notes']) }))
    const reader = new ItemReader(range, new EntryReader())
    const cursor = createCursor(bytes)
    const types: string[] = []
    while (cursor.remaining > 0) types.push(reader.read(cursor).type)
    expect(types).toEqual(['root', 'equal', 'ids', 'entry', 'end'])
  })

  test('may be any bytes: a typed error, or a message', () => {
    const codes = vectors.messages.map(({ code }) => fromHex(code))
    const damaged = fc
      .tuple(fc.constantFrom(...codes), fc.nat(), fc.nat())
      .map(([code, bit, cut]) => {
        const at = bit % (8 * code.length)
        return code
          .map((byte, index) => (index === at >> 3 ? byte ^ (1 << (at & 7)) : byte))
          .slice(0, code.length - (cut % 3))
      })
    const any = fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged)
    fc.assert(
      fc.property(any, (bytes) => {
        const error = errorOf(() => decodeSessionMessage(bytes))
        expect(error === undefined || isMeadowcapError(error)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  test('may be any bytes for a session: it goes on, or fails with a code', () => {
    const codes = vectors.messages.map(({ code }) => fromHex(code))
    const any = fc.oneof(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(...codes))
    fc.assert(
      fc.property(fc.array(any, { maxLength: 4 }), (messages) => {
        const session = sessionAfterRights()
        expect(session.areas).toHaveLength(1)
        const effects = messages.flatMap((bytes) => session.handle({ type: 'message', bytes }, 0))
        for (const effect of effects) {
          const code = effect.type === 'fail' ? effect.code : 'ERR_WILLOW_SYNC_PROTOCOL'
          expect(code).toMatch(/^ERR_WILLOW_SYNC_(PROTOCOL|LIMIT)$/)
        }
      }),
      { numRuns: 500 },
    )
  })
})

function errorOf(task: () => unknown): unknown {
  try {
    task()
    return undefined
  } catch (error) {
    return error
  }
}
