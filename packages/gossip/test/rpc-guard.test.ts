import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isGossipError } from '../src/errors.ts'
import {
  MAX_BACKOFF_SECONDS,
  MAX_FRAME_BYTES,
  MAX_FRAME_CONTROLS,
  MAX_FRAME_MESSAGE_IDS,
  MAX_FRAME_MESSAGES,
  MAX_FRAME_SUBSCRIPTIONS,
  MAX_PAYLOAD_BYTES,
} from '../src/limits.ts'
import { guardRpc, splitRpc } from '../src/rpc-guard.ts'
import { framed, frameOf, noControl, rpcOf } from './frames.ts'

const fault: unknown = expect.objectContaining({ code: 'ERR_GOSSIP_PROTOCOL' })
const list = <Item>(length: number, item: Item): Item[] => Array.from({ length }, () => item)
const message = {
  from: new Uint8Array(38),
  data: new Uint8Array(10),
  seqno: new Uint8Array(8),
  topic: 't',
  signature: new Uint8Array(64),
  key: new Uint8Array(36),
}
const id = new Uint8Array(24)

describe('guardRpc', () => {
  it('lets through what GossipSub sends, and counts its messages', () => {
    const frame = frameOf({
      subscriptions: [{ subscribe: true, topic: 't' }],
      messages: [message, message],
      control: {
        ihave: [{ topicID: 't', messageIDs: [id] }],
        iwant: [{ messageIDs: [id] }],
        graft: [{ topicID: 't' }],
        prune: [{ topicID: 't', peers: [], backoff: 60 }],
        idontwant: [{ messageIDs: [id] }],
      },
    })
    const before = frame.slice()
    expect(guardRpc(frame)).toBe(2)
    expect(frame).toEqual(before)
  })

  it('TF1: refuses more subscriptions than there are topics', () => {
    const subscriptions = list(MAX_FRAME_SUBSCRIPTIONS, { subscribe: true, topic: 't' })
    expect(guardRpc(frameOf({ subscriptions }))).toBe(0)
    const tooMany = [...subscriptions, { subscribe: true, topic: 't' }]
    expect(() => guardRpc(frameOf({ subscriptions: tooMany }))).toThrow(fault)
  })

  it('refuses more messages, control entries and ids than their limits', () => {
    const small = { topic: 't' }
    expect(guardRpc(frameOf({ messages: list(MAX_FRAME_MESSAGES, small) }))).toBe(1_024)
    expect(() => guardRpc(frameOf({ messages: list(MAX_FRAME_MESSAGES + 1, small) }))).toThrow(
      fault,
    )
    const graft = list(MAX_FRAME_CONTROLS + 1, { topicID: 't' })
    expect(() => guardRpc(frameOf({ control: { ...noControl, graft } }))).toThrow(fault)
    const messageIDs = list(MAX_FRAME_MESSAGE_IDS + 1, new Uint8Array(8))
    expect(() => guardRpc(frameOf({ control: { ...noControl, iwant: [{ messageIDs }] } }))).toThrow(
      fault,
    )
    const ihave = [{ topicID: 't', messageIDs }]
    expect(() => guardRpc(frameOf({ control: { ...noControl, ihave } }))).toThrow(fault)
  })

  it('refuses a payload, an id, a topic and a frame above their limits', () => {
    const data = new Uint8Array(MAX_PAYLOAD_BYTES + 1)
    expect(() => guardRpc(frameOf({ messages: [{ ...message, data }] }))).toThrow(fault)
    const messageIDs = [new Uint8Array(65)]
    expect(() => guardRpc(frameOf({ control: { ...noControl, iwant: [{ messageIDs }] } }))).toThrow(
      fault,
    )
    const subscriptions = [{ subscribe: true, topic: 'x'.repeat(257) }]
    expect(() => guardRpc(frameOf({ subscriptions }))).toThrow(fault)
    expect(() => guardRpc(new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow(/at most/)
  })

  it('refuses peer exchange: addresses come from the overlay', () => {
    const prune = [{ topicID: 't', peers: [{ peerID: new Uint8Array(38) }], backoff: 60 }]
    expect(() => guardRpc(frameOf({ control: { ...noControl, prune } }))).toThrow(fault)
  })

  it('refuses a length that is not that of the frame', () => {
    const frame = frameOf({ messages: [message] })
    expect(() => guardRpc(frame.subarray(0, -1))).toThrow(fault)
    const longer = new Uint8Array(frame.length + 1)
    longer.set(frame)
    expect(() => guardRpc(longer)).toThrow(fault)
  })

  it('GA4: clamps a back-off of 2^63', () => {
    // control (3) { prune (4) { topic (1) "t", back-off (3) 2^63 } }
    const backoff = [...list(9, 0x80), 0x01]
    const prune = [0x0a, 0x01, 0x74, 0x18, ...backoff]
    const control = [0x22, prune.length, ...prune]
    const frame = framed(Uint8Array.from([0x1a, control.length, ...control]))
    guardRpc(frame)
    expect(rpcOf(frame).control?.prune[0]).toMatchObject({
      topicID: 't',
      backoff: MAX_BACKOFF_SECONDS,
    })
  })

  it('clamps a back-off of any length, and none that is allowed', () => {
    const backoffs = fc.oneof(fc.nat(400), fc.maxSafeNat())
    fc.assert(
      fc.property(backoffs, (backoff) => {
        const prune = [{ topicID: 't', peers: [], backoff }]
        const frame = frameOf({ control: { ...noControl, prune } })
        guardRpc(frame)
        const left = rpcOf(frame).control?.prune[0]?.backoff ?? 0
        expect(left).toBeLessThanOrEqual(MAX_BACKOFF_SECONDS)
        expect(backoff > MAX_BACKOFF_SECONDS ? left > 0 : left === backoff).toBe(true)
      }),
    )
  })

  it('refuses a number that is longer than it need be: the router would read past it', () => {
    // subscriptions (1) { subscribe (1) 1, written in two bytes }
    expect(() => guardRpc(framed(Uint8Array.of(0x0a, 0x03, 0x08, 0x81, 0x00)))).toThrow(fault)
    expect(() => guardRpc(framed(Uint8Array.of(0x0a, 0x82, 0x00, 0x08, 0x01)))).toThrow(fault)
  })

  it('throws nothing but a fault, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, hasLength) => {
        try {
          guardRpc(hasLength ? framed(bytes) : bytes)
        } catch (error) {
          if (!isGossipError(error)) throw error
        }
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('splitRpc', () => {
  it('leaves a frame alone that fits', () => {
    const frame = frameOf({ messages: [message] })
    expect(splitRpc(frame)).toEqual([frame])
  })

  it('cuts a larger one into frames that the guard lets through, losing nothing', () => {
    const messages = list(20, { ...message, data: new Uint8Array(30_000).fill(9) })
    const frames = splitRpc(
      frameOf({ messages, control: { ...noControl, graft: [{ topicID: 't' }] } }),
    )
    expect(frames.length).toBeGreaterThan(2)
    expect(frames.map(guardRpc).reduce((sum, count) => sum + count, 0)).toBe(20)
    const rpcs = frames.map(rpcOf)
    expect(rpcs.flatMap((rpc) => rpc.messages)).toHaveLength(20)
    expect(rpcs.at(-1)?.control?.graft).toEqual([{ topicID: 't' }])
  })
})
