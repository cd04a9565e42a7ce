import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import multicastDns from 'multicast-dns'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import { deriveTopic } from '@vudo/topic'
import type { PeerRecord } from '@vudo/transport'
import { isDiscoveryError, mdns, type MdnsDiscovery } from '@vudo/discovery-mdns'
import { encodeAnswer, encodeQuery, type DnsPacket } from '../src/packets.ts'
import { recordKey, sealRecord } from '../src/sealed-record.ts'
import { bucketAt, topicTag } from '../src/tags.ts'
import { eavesdrop, freshPort, multicast, onLoopback, until } from './network.ts'
import { createRecord } from './nodes.ts'

const topic = deriveTopic('mdns test')
const names = { serviceName: 'vudo', serviceType: '_vudo._tcp' }

/** The first `count` records of a watch. */
async function first(
  discovery: MdnsDiscovery,
  count: number,
  of: Uint8Array = topic,
): Promise<PeerRecord[]> {
  const records: PeerRecord[] = []
  for await (const record of discovery.watch(of)) if (records.push(record) === count) break
  return records
}

/** Sends packets as a stranger who knows the format. */
async function sendPackets(port: number, kind: 'query' | 'response', packets: DnsPacket[]) {
  const socket = multicastDns({ port, interface: '127.0.0.1', bind: '0.0.0.0' })
  await once(socket, 'ready')
  for (const packet of packets) {
    await new Promise<void>((resolve) => {
      const plain = { ...packet } as multicastDns.QueryOutgoingPacket &
        multicastDns.ResponseOutgoingPacket
      if (kind === 'query') socket.query(plain, () => resolve())
      else socket.respond(plain, () => resolve())
    })
  }
  await new Promise<void>((resolve) => socket.destroy(resolve))
}

function answerWith(record: Uint8Array, of: Uint8Array = topic): DnsPacket {
  const tag = topicTag(of, bucketAt(Date.now()))
  const sealed = sealRecord(recordKey(of), record, { tag, isGoodbye: false })
  return encodeAnswer(names, { tag, sealed, isGoodbye: false }, 'abcd')
}

describe('peers on one network', () => {
  it('find each other across processes', async () => {
    const port = freshPort()
    const program = fileURLToPath(new URL('announcer.ts', import.meta.url))
    const child = fork(program, [String(port), Buffer.from(topic).toString('hex')])
    onTestFinished(async () => {
      child.disconnect()
      await once(child, 'exit')
    })
    const [peerId] = (await once(child, 'message')) as [string]
    const [record] = await first(onLoopback({ port }), 1)
    expect(record?.peerId).toBe(peerId)
    expect(record?.addresses).toEqual(['tcp://192.168.1.20:34569'])
  }, 20_000)

  it('are found by one lookup, and not any more when they have left', async () => {
    const port = freshPort()
    const [here, there] = [onLoopback({ port }), onLoopback({ port })]
    const records = [createRecord(), createRecord()]
    for (const record of records) await there.announce(topic, record)
    const found = await here.lookup(topic)
    expect(found.map((record) => record.peerId).toSorted()).toEqual(
      records.map((record) => record.peerId).toSorted(),
    )
    await there.withdraw(topic)
    expect(await here.lookup(topic)).toEqual([])
  })

  it('see a newcomer without asking again', async () => {
    const port = freshPort()
    const [here, there] = [onLoopback({ port }), onLoopback({ port })]
    const finding = first(here, 1)
    await until(() => here.stats.queriesSent >= 2)
    const record = createRecord()
    await there.announce(topic, record)
    expect((await finding)[0]?.peerId).toBe(record.peerId)
    expect(there.stats.answersSent).toBe(0)
  })

  it('see a record again only when it has changed', async () => {
    const port = freshPort()
    const [here, there] = [onLoopback({ port }), onLoopback({ port })]
    const key = createNodeKey()
    const finding = first(here, 2)
    await there.announce(topic, createRecord({ key, sequence: 1 }))
    await until(() => here.stats.recordsAccepted >= 2)
    await there.announce(topic, createRecord({ key, sequence: 2 }))
    expect((await finding).map((record) => record.sequence)).toEqual([1, 2])
  })

  it('find only those of the same topic and service', async () => {
    const port = freshPort()
    const there = onLoopback({ port })
    await there.announce(topic, createRecord())
    expect(await onLoopback({ port }).lookup(deriveTopic('another'))).toEqual([])
    expect(await onLoopback({ port, serviceType: '_other._tcp' }).lookup(topic)).toEqual([])
    const same = onLoopback({ port, serviceName: 'app', serviceType: '_VUDO._tcp' })
    expect(await same.lookup(topic)).toHaveLength(1)
  })

  it('find each other while their clocks differ by an hour, and not by three', async () => {
    const port = freshPort()
    await onLoopback({ port }).announce(topic, createRecord())
    const fast = onLoopback({ port, now: () => Date.now() + 3_500_000 })
    const slow = onLoopback({ port, now: () => Date.now() - 3_600_000 })
    const wrong = onLoopback({ port, now: () => Date.now() - 3 * 3_600_000 })
    expect(await fast.lookup(topic)).toHaveLength(1)
    expect(await slow.lookup(topic)).toHaveLength(1)
    expect(await wrong.lookup(topic)).toEqual([])
  })

  it('show nothing lasting to who does not know the topic', async () => {
    const port = freshPort()
    const heard = await eavesdrop(port)
    const [here, there] = [onLoopback({ port }), onLoopback({ port })]
    const record = createRecord()
    await there.announce(topic, record)
    await here.lookup(topic)
    const text = Buffer.concat(heard.packets)
    expect(text.length).toBeGreaterThan(1_400)
    expect(text.includes(Buffer.from(record.peerId, 'hex'))).toBe(false)
    expect(text.includes('192.168.1.20')).toBe(false)
    expect(text.includes(Buffer.from(topic))).toBe(false)
  })
})

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

describe('the life of a discovery', () => {
  it('ends watches and lookups, and refuses calls, when it is closed', async () => {
    const here = onLoopback({ port: freshPort() })
    const watching = first(here, 1)
    await until(() => here.stats.queriesSent > 0)
    const [looking] = await Promise.allSettled([here.lookup(topic), here.close(), here.close()])
    expect(await watching).toEqual([])
    expect(looking).toMatchObject({ reason: { code: 'ERR_DISCOVERY_CLOSED' } })
    await expect(here.announce(topic, createRecord())).rejects.toSatisfy(isDiscoveryError)
    await expect(first(here, 1)).rejects.toMatchObject({ code: 'ERR_DISCOVERY_CLOSED' })
    await here.withdraw(topic)
  })

  it('takes its announcements back when it is closed', async () => {
    const port = freshPort()
    const [here, there] = [onLoopback({ port }), mdns({ interface: '127.0.0.1', port })]
    const watching = here.watch(topic)[Symbol.asyncIterator]()
    const finding = watching.next()
    await there.announce(topic, createRecord())
    await finding
    await there.close()
    expect(await here.lookup(topic)).toEqual([])
    await watching.return?.()
  })

  it('ends a watch quietly and a lookup with the reason when the signal fires', async () => {
    const here = onLoopback({ port: freshPort() })
    const reason = new Error('enough')
    const controller = new AbortController()
    const watching = (async () => {
      for await (const record of here.watch(topic, { signal: controller.signal })) return record
      return undefined
    })()
    const looking = Promise.allSettled([here.lookup(topic, { signal: controller.signal })])
    await until(() => here.stats.queriesSent > 0)
    controller.abort(reason)
    expect(await watching).toBeUndefined()
    expect(await looking).toEqual([{ status: 'rejected', reason }])
  })

  it('says what to do when the port is held by a program that does not share it', async () => {
    const holder = createSocket({ type: 'udp4', reuseAddr: false })
    onTestFinished(() => void holder.close())
    holder.bind(0, '0.0.0.0')
    await once(holder, 'listening')
    const here = onLoopback({ port: holder.address().port })
    await expect(here.announce(topic, createRecord())).rejects.toMatchObject({
      code: 'ERR_MDNS_UNAVAILABLE',
      hint: expect.stringContaining('holds the port') as string,
    })
    await expect(here.lookup(topic)).rejects.toMatchObject({ code: 'ERR_MDNS_UNAVAILABLE' })
  })

  it('says what to do when no interface takes part', async () => {
    const here = onLoopback({ interface: '203.0.113.7', port: freshPort() })
    await expect(here.lookup(topic)).rejects.toMatchObject({ code: 'ERR_MDNS_UNAVAILABLE' })
  })

  it('refuses more topics and watches than it has room for', async () => {
    const here = onLoopback({ port: freshPort() })
    const record = createRecord()
    const topics = Array.from({ length: 257 }, (_, at) => deriveTopic(`topic ${at}`))
    const results = await Promise.allSettled(topics.map((of) => here.announce(of, record)))
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([
      expect.objectContaining({
        reason: expect.objectContaining({ code: 'ERR_DISCOVERY_LIMIT' }) as unknown,
      }),
    ])
    await here.withdraw(deriveTopic('topic 0'))
    await here.announce(deriveTopic('topic 256'), record)
  })

  it.each([
    { interface: 'eth0' },
    { port: 0 },
    { port: 65_536 },
    { serviceName: '' },
    { serviceName: 'a.b' },
    { serviceType: 'vudo' },
    { serviceType: '_vudo._sctp' },
    { serviceType: `_${'a'.repeat(16)}._tcp` },
    { discoveryIntervalMs: 10 },
  ])('refuses %j', (options) => {
    expect(() => mdns(options)).toThrow(RangeError)
  })
})
