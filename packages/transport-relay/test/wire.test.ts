import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import { isTransportError } from '@vudo/transport'
import * as pipe from '../src/pipe-frames.ts'
import * as wire from '../src/wire.ts'

/** Of the relay: both sides of the protocol are held to one file. */
const manifest = fileURLToPath(import.meta.resolve('@vudo/relay/package.json'))
const file = path.join(path.dirname(manifest), 'test/vectors/frames.json')
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Record<
  'inputs' | 'client' | 'relay',
  Record<string, string>
>
const { inputs, client, relay } = vectors
const input = (name: string): Buffer => Buffer.from(inputs[name] ?? '', 'hex')
const come = (name: string): Buffer => Buffer.from(relay[name] ?? '', 'hex')
const hexOf = (frames: Record<string, Uint8Array>): Record<string, string> =>
  Object.fromEntries(Object.entries(frames).map(([name, bytes]) => [name, hex(bytes)]))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('frames of the vectors', () => {
  it('of a client are written', () => {
    const key = createNodeKey(input('seed'))
    const instance = input('instance')
    const host = inputs['host'] ?? ''
    const message = wire.challengeMessage(host, input('challenge'), instance)
    const signature = key.sign('vudo/relay-challenge/1', message)
    const proof = { key: key.publicKey, instance, signature, host }
    const to = { endpoint: input('other'), id: input('pipe') }
    const topic = input('topic')
    const written = {
      auth: wire.encodeAuth({ ...proof, token: Buffer.from(inputs['token'] ?? '') }),
      authWithoutToken: wire.encodeAuth({ ...proof, token: new Uint8Array() }),
      joinListedAndWatching: wire.encodeJoin(topic, { isListed: true, isWatching: true }),
      joinQuietly: wire.encodeJoin(topic, { isListed: false, isWatching: false }),
      leave: wire.encodeLeave(topic),
      ping: wire.encodePing(input('nonce')),
      openPipe: pipe.encodeOpen(to),
      data: pipe.encodeData(to, 5, Buffer.from('hi')),
      credit: pipe.encodeCredit(to, 56, 516_096),
      closePipe: pipe.encodeClose(to),
    }
    expect(hex(message)).toBe(inputs['signed'])
    expect(hexOf(written)).toEqual(client)
  })

  it('of a relay are read', () => {
    const topic = inputs['topic'] ?? ''
    const endpoints = [inputs['other'] ?? '']
    expect(wire.decodeRelayFrame(come('challenge'))).toEqual({
      type: 'challenge',
      version: 1,
      challenge: input('challenge'),
    })
    expect(wire.decodeRelayFrame(come('welcome'))).toEqual({
      type: 'welcome',
      maxFrameBytes: 66_048,
      maxTopics: 512,
      idleMs: 60_000,
    })
    expect(wire.decodeRelayFrame(come('denied'))).toEqual({
      type: 'denied',
      denial: 3,
      reason: 'the token is wrong or missing',
    })
    const members = { type: 'members', topic, endpoints }
    expect(wire.decodeRelayFrame(come('members'))).toEqual({ ...members, isComplete: true })
    expect(wire.decodeRelayFrame(come('news'))).toEqual({ ...members, isComplete: false })
    expect(wire.decodeRelayFrame(come('gone'))).toEqual({ type: 'gone', topic, endpoints })
    expect(wire.decodeRelayFrame(come('reset'))).toEqual({
      type: 'reset',
      endpoint: endpoints[0],
      reason: 4,
    })
    expect(wire.decodeRelayFrame(come('pong'))).toEqual({ type: 'pong' })
    expect(wire.decodeRelayFrame(come('moved'))).toEqual({ type: 'moved' })
  })

  it('of another client are read', () => {
    const frame = wire.decodeRelayFrame(come('deliver'))
    if (frame?.type !== 'deliver') throw new Error('it is no delivery')
    expect(frame.from).toBe(`${inputs['key']}${inputs['instance']}`)
    expect(pipe.decodePipeFrame(frame.payload)).toEqual({
      kind: 'data',
      pipe: inputs['pipe'],
      sequence: 5,
      message: Buffer.from('hi'),
    })
    const payload = Buffer.from(client['credit'] ?? '', 'hex').subarray(wire.PAYLOAD_OFFSET)
    expect(pipe.decodePipeFrame(payload)).toMatchObject({
      kind: 'credit',
      frames: 56,
      bytes: 516_096,
    })
  })
})

/** The code with which something fails, and that of a protocol error where it does not. */
function codeOf(run: () => unknown): unknown {
  try {
    run()
    return 'ERR_PEER_PROTOCOL'
  } catch (error) {
    return isTransportError(error) ? error.code : error
  }
}

describe('any bytes', () => {
  const nearly = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.constantFrom(...Object.keys(relay)), fc.nat(), fc.nat(255), fc.nat())
      .map(([name, at, value, length]) => {
        const bytes = come(name)
        bytes[at % bytes.length] = value
        return new Uint8Array(bytes.subarray(0, length % (bytes.length + 1)))
      }),
  )

  it('make a decoder throw nothing but a protocol error', () => {
    fc.assert(
      fc.property(nearly, (bytes) => {
        for (const decode of [wire.decodeRelayFrame, pipe.decodePipeFrame]) {
          expect(codeOf(() => decode(bytes))).toBe('ERR_PEER_PROTOCOL')
        }
      }),
    )
  })

  it('in a refusal do not reach a terminal', () => {
    const frame = wire.decodeRelayFrame(Buffer.from('\u0083\u0005\u001b[2Jfull', 'latin1'))
    expect(frame).toMatchObject({ reason: '?[2Jfull' })
  })
})
