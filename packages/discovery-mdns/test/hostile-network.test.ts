import { describe, expect, it } from 'vitest'
import { deriveTopic } from '@vudo/topic'
import { encodeAnswer, encodeQuery, type DnsPacket } from '../src/packets.ts'
import { recordKey, sealRecord } from '../src/sealed-record.ts'
import { bucketAt, topicTag } from '../src/tags.ts'
import { eavesdrop, freshPort, multicast, onLoopback, until } from './network.ts'
import { createRecord } from './nodes.ts'
import { answerWith, first, names, sendPackets, topic } from './strangers.ts'

/** A DNS header with so many questions, answers, authorities and additionals. */
function header(...counts: readonly number[]): Buffer {
  const bytes = Buffer.alloc(12)
  for (const [at, count] of counts.entries()) bytes.writeUInt16BE(count, 4 + 2 * at)
  return bytes
}

describe('a hostile network', () => {
  it('cannot disturb by garbage', async () => {
    const port = freshPort()
    const here = onLoopback({ port })
    await here.lookup(topic)
    const garbage = Array.from({ length: 50 }, (_, at) =>
      new Uint8Array(at * 20).fill(at * 5 + 192),
    )
    await multicast(port, garbage)
    await until(() => here.stats.garbagePackets > 0)
    await onLoopback({ port }).announce(topic, createRecord())
    expect(await here.lookup(topic)).toHaveLength(1)
  })

  it('has packets dropped undecoded that are too large or announce too much, and the node goes on', async () => {
    const port = freshPort()
    const here = onLoopback({ port })
    await here.lookup(topic)
    const before = here.stats
    const query = encodeQuery(names, topicTag(topic, bucketAt(Date.now())))
    const padded = (length: number): DnsPacket => ({
      ...query,
      additionals: [{ type: 'OPT', name: '.', options: [{ code: 'PADDING', length }] }],
    })
    const text = { type: 'TXT', name: 'x.local', data: [Buffer.alloc(1)] }
    // Each of them is a valid packet that the decoder would take.
    await sendPackets(port, 'query', [
      padded(9_001),
      padded(60_000),
      {
        ...query,
        questions: Array.from({ length: 9 }, () => query.questions).flatMap((one) => one ?? []),
      },
      { ...query, additionals: Array.from({ length: 33 }, () => text) },
    ])
    // And these are none: counts that nothing stands behind, names that point in circles.
    const labels = Buffer.from('\u0005_vudo\u0004_tcp')
    await multicast(port, [
      Buffer.concat([header(65_535, 65_535, 65_535, 65_535), labels]),
      Buffer.concat([header(0, 32, 32, 32), labels]),
      Buffer.concat([header(8, 32), labels, Buffer.alloc(8_900, 0xc0)]),
      Buffer.concat([header(1), Buffer.from([0xc0, 12]), labels]),
      Buffer.concat([labels.subarray(0, 6), labels]).subarray(0, 11),
    ])
    await until(() => here.stats.garbagePackets - before.garbagePackets === 9)
    expect(here.stats.queriesReceived).toBe(before.queriesReceived)
    await sendPackets(port, 'query', [padded(8_900)])
    await until(() => here.stats.queriesReceived === before.queriesReceived + 1)
    await onLoopback({ port }).announce(topic, createRecord())
    expect(await here.lookup(topic)).toHaveLength(1)
  })

  it('has a bounded number of bytes decoded per second', async () => {
    const port = freshPort()
    let nowMs = 1_000_000_000_000
    const here = onLoopback({ port, now: () => nowMs })
    await here.lookup(topic)
    const query = encodeQuery(names, topicTag(topic, bucketAt(nowMs)))
    const large = {
      ...query,
      additionals: [{ type: 'OPT', name: '.', options: [{ code: 'PADDING', length: 8_900 }] }],
    }
    const before = here.stats.queriesReceived
    for (let sent = 0; here.stats.packetsSkipped === 0; sent++) {
      expect(sent).toBeLessThan(40)
      await sendPackets(port, 'query', [large])
      const counted = (): number => here.stats.queriesReceived - before + here.stats.packetsSkipped
      await until(() => counted() === sent + 1)
    }
    expect(here.stats.queriesReceived - before).toBeLessThanOrEqual(29)
    nowMs += 1_000
    await sendPackets(port, 'query', [query])
    await until(() => here.stats.queriesReceived - before > 20)
    expect(here.stats.garbagePackets).toBe(0)
  })

  it('does not cost the answers of others by small queries', async () => {
    const port = freshPort()
    const there = onLoopback({ port })
    await there.announce(topic, createRecord())
    const query = encodeQuery(names, topicTag(topic, bucketAt(Date.now())))
    const small = { questions: query.questions }
    await sendPackets(
      port,
      'query',
      Array.from({ length: 30 }, () => small),
    )
    await until(() => there.stats.answersHeldBack === 30)
    await sendPackets(port, 'query', [query])
    await until(() => there.stats.answersSent > 0)
    expect(there.stats.answersSent).toBe(1)
  })

  it('cannot make one packet cost a thousand records to open', async () => {
    const port = freshPort()
    const here = onLoopback({ port })
    const finding = here.lookup(topic)
    await until(() => here.stats.queriesReceived > 0)
    const both = answerWith(new Uint8Array(40)).answers ?? []
    const answers = Array.from({ length: 16 }, () => both).flat()
    await sendPackets(port, 'response', [{ answers }])
    await until(() => here.stats.recordsRefused > 0)
    await finding
    expect(here.stats.recordsRefused).toBe(16)
  })

  it('is not listened to where it speaks of other services', async () => {
    const port = freshPort()
    const here = onLoopback({ port })
    await here.lookup(topic)
    const { queriesReceived } = here.stats
    const others = { serviceName: 'printer', serviceType: '_ipp._tcp' }
    const tag = topicTag(topic, bucketAt(Date.now()))
    await sendPackets(port, 'query', [encodeQuery(others, tag), encodeQuery(names, tag)])
    await until(() => here.stats.queriesReceived > queriesReceived)
    expect(here.stats.queriesReceived).toBe(queriesReceived + 1)
    expect(here.stats.garbagePackets).toBe(0)
  })

  it('cannot bring in a record that is forged, expired, malformed or too long', async () => {
    const port = freshPort()
    const here = onLoopback({ port })
    const finding = first(here, 1)
    await until(() => here.stats.queriesSent > 0)
    const forged = createRecord().bytes.slice()
    forged[5] = (forged[5] ?? 0) ^ 1
    const old = createRecord({ expiresAtMs: Date.now() - 1 })
    const stranger = answerWith(createRecord().bytes)
    const sealedForAnother = sealRecord(recordKey(deriveTopic('another')), createRecord().bytes, {
      tag: topicTag(topic, bucketAt(Date.now())),
      isGoodbye: false,
    })
    const withText = (data: unknown): DnsPacket => ({
      answers: stranger.answers?.map((one) => (one.type === 'TXT' ? { ...one, data } : one)),
    })
    await sendPackets(port, 'response', [
      answerWith(forged),
      answerWith(old.bytes),
      answerWith(new Uint8Array(30)),
      withText([Buffer.from(sealedForAnother)]),
      withText(Array.from({ length: 8 }, () => Buffer.alloc(255))),
      withText([Buffer.alloc(0)]),
      { answers: stranger.answers?.slice(0, 1) },
    ])
    await until(() => here.stats.recordsRefused >= 5)
    expect(here.stats.recordsAccepted).toBe(0)
    const honest = createRecord()
    await sendPackets(port, 'response', [answerWith(honest.bytes)])
    expect((await finding).map((record) => record.peerId)).toEqual([honest.peerId])
  })

  it('gets no more bytes out than it puts in', async () => {
    const port = freshPort()
    const there = onLoopback({ port })
    await there.announce(topic, createRecord())
    const query = encodeQuery(names, topicTag(topic, bucketAt(Date.now())))
    const unpadded = { questions: query.questions }
    await sendPackets(
      port,
      'query',
      Array.from({ length: 20 }, () => unpadded),
    )
    await until(() => there.stats.queriesReceived >= 20)
    expect(there.stats.answersSent).toBe(0)
    await sendPackets(
      port,
      'query',
      Array.from({ length: 50 }, () => query),
    )
    await until(() => there.stats.queriesReceived >= 70)
    expect(there.stats.answersSent).toBeGreaterThan(0)
    expect(there.stats.answersSent).toBeLessThanOrEqual(8)
    expect(there.stats.answerBytesOut).toBeLessThanOrEqual(there.stats.queryBytesIn)
  })

  it('counts the bytes that are really sent', async () => {
    const port = freshPort()
    const there = onLoopback({ port })
    await there.announce(topic, createRecord())
    const heard = await eavesdrop(port)
    await sendPackets(port, 'query', [encodeQuery(names, topicTag(topic, bucketAt(Date.now())))])
    // The announcement may still be on its way; it has the size of the answer.
    await until(() => heard.packets.some((packet) => packet.length === 1_400))
    await until(() => heard.packets.at(-1)?.length === there.stats.answerBytesOut)
    expect(there.stats.queryBytesIn).toBe(1_400)
    expect(there.stats.answersSent).toBe(1)
  })

  it('gets no answer to an answer', async () => {
    const port = freshPort()
    const there = onLoopback({ port })
    await there.announce(topic, createRecord())
    const query = encodeQuery(names, topicTag(topic, bucketAt(Date.now())))
    await sendPackets(port, 'response', [
      { ...query, answers: answerWith(new Uint8Array(9)).answers },
    ])
    await until(() => there.stats.recordsRefused === 1)
    expect(there.stats.answersSent).toBe(0)
  })

  it('has a bounded number of signatures checked per second', async () => {
    const port = freshPort()
    const here = onLoopback({ port, now: () => 1_000_000_000_000 })
    const tag = topicTag(topic, bucketAt(1_000_000_000_000))
    const finding = here.lookup(topic)
    await until(() => here.stats.queriesReceived > 0)
    const packets = Array.from({ length: 150 }, () => {
      const sealed = sealRecord(recordKey(topic), new Uint8Array(40), { tag, isGoodbye: false })
      return encodeAnswer(names, { tag, sealed, isGoodbye: false }, 'abcd')
    })
    await sendPackets(port, 'response', packets)
    await finding
    expect(here.stats.recordsRefused).toBeLessThanOrEqual(100)
    expect(here.stats.recordsRefused + here.stats.recordsSkipped).toBeGreaterThan(100)
  })
})
