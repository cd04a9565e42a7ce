import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { verifySignature } from '@vudo/identity'
import { decodeBusMessages, encodeDataHead, encodeFrames } from '../src/bus-messages.ts'
import { RelayError } from '../src/errors.ts'
import * as wire from '../src/wire.ts'

const vectors = JSON.parse(
  readFileSync(new URL('vectors/frames.json', import.meta.url), 'utf8'),
) as Record<'inputs' | 'client' | 'relay' | 'bus', Record<string, string>>
const { inputs, client, relay, bus } = vectors
const input = (name: string): Buffer => Buffer.from(inputs[name] ?? '', 'hex')
const sent = (name: string): Buffer => Buffer.from(client[name] ?? '', 'hex')
const hexOf = (frames: Record<string, Uint8Array>): Record<string, string> =>
  Object.fromEntries(Object.entries(frames).map(([name, bytes]) => [name, hex(bytes)]))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const topic = input('topic').toString('latin1')
const ends = (from: Buffer): Record<'relay' | 'from' | 'to', string> => ({
  relay: input('relayId').toString('latin1'),
  from: from.toString('latin1'),
  to: input('other').toString('latin1'),
})

describe('frames of the vectors', () => {
  it('go to another relay, one or several in one message', () => {
    const from = Buffer.concat([input('key'), input('instance')])
    const head = encodeDataHead(input('relayId'), from)
    const open = { head, frame: sent('openPipe') }
    const data = { head, frame: sent('data') }
    expect(hexOf({ data: encodeFrames([data]), frames: encodeFrames([open, data]) })).toEqual(bus)
    const read = decodeBusMessages(Buffer.from(bus['frames'] ?? '', 'hex'))
    expect(read).toEqual([
      { kind: 'data', ...ends(from), frame: open.frame },
      { kind: 'data', ...ends(from), frame: data.frame },
    ])
  })

  it('that are cut off on their way are passed over, and those before them count', () => {
    const bytes = Buffer.from(bus['frames'] ?? '', 'hex')
    for (let length = 0; length < bytes.length; length++) {
      const read = decodeBusMessages(new Uint8Array(bytes.subarray(0, length)))
      expect(read).toHaveLength(length < 13 + 48 + sent('openPipe').length ? 0 : 1)
    }
  })

  it('of a proof are read, and its signature holds', () => {
    const auth = wire.decodeAuth(sent('auth'))
    expect(hex(auth.key)).toBe(inputs['key'])
    expect(hex(auth.instance)).toBe(inputs['instance'])
    expect(auth.host).toBe(inputs['host'])
    expect(Buffer.from(auth.token).toString()).toBe(inputs['token'])
    const message = wire.challengeMessage(auth.host, input('challenge'), auth.instance)
    expect(hex(message)).toBe(inputs['signed'])
    expect(verifySignature(auth.key, 'vudo/relay-challenge/1', message, auth.signature)).toBe(true)
    expect(wire.decodeAuth(sent('authWithoutToken')).token).toHaveLength(0)
  })

  it('of a client are read', () => {
    const join = { type: 'join', topic }
    expect(wire.decodeClientFrame(sent('joinListedAndWatching'))).toEqual({
      ...join,
      isListed: true,
      isWatching: true,
    })
    expect(wire.decodeClientFrame(sent('joinQuietly'))).toEqual({
      ...join,
      isListed: false,
      isWatching: false,
    })
    expect(wire.decodeClientFrame(sent('leave'))).toEqual({ type: 'leave', topic })
    expect(wire.decodeClientFrame(sent('ping'))).toEqual({ type: 'ping', nonce: input('nonce') })
  })

  it('of a relay are written', () => {
    const other = input('other')
    const limits = { maxFrameBytes: 66_048, maxTopics: 512, idleMs: 60_000 }
    const delivered = sent('data')
    wire.sendToDeliver(delivered, Buffer.concat([input('key'), input('instance')]))
    const written = {
      challenge: wire.encodeChallenge(input('challenge')),
      welcome: wire.encodeWelcome(limits),
      denied: wire.encodeDenied(wire.denials.token, 'the token is wrong or missing'),
      members: wire.encodeMembers(topic, true, [other]),
      news: wire.encodeMembers(topic, false, [other]),
      gone: wire.encodeGone(topic, [other]),
      deliver: delivered,
      reset: wire.encodeReset(other, wire.resetReasons.gap),
      pong: wire.encodePong(input('nonce')),
      moved: wire.encodeMoved(),
    }
    expect(hexOf(written)).toEqual(relay)
  })
})

const broken = new RelayError('ERR_RELAY_PROTOCOL', 'as any other')

function errorOf(run: () => unknown): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}

describe('any bytes', () => {
  const nearly = fc.oneof(
    fc.uint8Array({ maxLength: 900 }),
    fc
      .tuple(fc.constantFrom(...Object.keys(client)), fc.nat(), fc.nat(255), fc.nat())
      .map(([name, at, value, length]) => {
        const bytes = sent(name)
        bytes[at % bytes.length] = value
        return new Uint8Array(bytes.subarray(0, length % (bytes.length + 1)))
      }),
  )

  it('make a decoder throw nothing but its own error', () => {
    fc.assert(
      fc.property(nearly, (bytes) => {
        for (const decode of [wire.decodeAuth, wire.decodeClientFrame]) {
          expect(errorOf(() => decode(bytes)) ?? broken).toBeInstanceOf(RelayError)
        }
      }),
    )
  })

  const nearlyBus = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    // One that says that it holds several, with any lengths.
    fc.uint8Array({ minLength: 9, maxLength: 300 }).map((bytes) => {
      bytes[8] = 7
      bytes.fill(0, 9, 12)
      return bytes
    }),
  )

  it('from another relay are a message or nothing', () => {
    fc.assert(
      fc.property(nearlyBus, (bytes) => {
        expect(errorOf(() => decodeBusMessages(bytes))).toBeUndefined()
      }),
    )
  })
})
