import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import { deriveTopic } from '@vudo/topic'
import { isDiscoveryError, mdns } from '@vudo/discovery-mdns'
import { eavesdrop, freshPort, onLoopback, until } from './network.ts'
import { createRecord } from './nodes.ts'
import { first, topic } from './strangers.ts'

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

  it('are asked for by another name each hour, and found all the same', async () => {
    const port = freshPort()
    let nowMs = Date.now()
    const now = (): number => nowMs
    const heard = await eavesdrop(port)
    const [here, there] = [onLoopback({ port, now }), onLoopback({ port, now })]
    await there.announce(topic, createRecord({ expiresAtMs: nowMs + 5 * 3_600_000 }))
    const names: string[][] = []
    for (let hour = 0; hour < 4; hour++) {
      const before = heard.packets.length
      expect(await here.lookup(topic)).toHaveLength(1)
      const packets = heard.packets.slice(before).map(String)
      names.push(packets.flatMap((packet) => packet.match(/[0-9a-f]{32}(?=.?_sub)/) ?? []))
      nowMs += 3_600_000
    }
    const byHour = names.map((inHour) => new Set(inHour))
    expect(byHour.map((inHour) => inHour.size)).toEqual([1, 1, 1, 1])
    expect(new Set(names.flat()).size).toBe(4)
  })

  it('are listed under the service type and a name that begins as it was told', async () => {
    const port = freshPort()
    const heard = await eavesdrop(port)
    const there = onLoopback({ port, serviceName: 'my-app', serviceType: '_notes._udp' })
    await there.announce(topic, createRecord())
    await until(() => heard.packets.length > 0)
    const text = String(heard.packets[0])
    expect(text).toMatch(/my-app-[0-9a-f]{8}/)
    expect(text).toContain('\u0006_notes\u0004_udp\u0005local')
    expect(text).not.toContain('vudo')
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
