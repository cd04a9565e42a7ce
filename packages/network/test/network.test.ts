import { createNodeKey } from '@vudo/identity'
import { createNetwork, type Channel, type NetworkEvents, type Session } from '@vudo/network'
import { isVudoError } from '@vudo/transport'
import { describe, expect, it } from 'vitest'
import { layCable } from './cable.ts'
import { echo, nextChannel, pattern, startNode, startPair, tcpTransport } from './nodes.ts'

const secret = new Uint8Array(32).fill(7)

describe('a pair over tcp', () => {
  it('shares a database and exchanges messages of every size', async () => {
    const { a, b } = await startPair()
    echo(b.network)
    const session = a.network.session(b.network.peerId)
    expect(session?.databases).toEqual(new Set(['db']))
    const channel = session!.openChannel('/echo/1', { database: 'db' })
    for (const length of [0, 1, 64, 65_535, 65_536, 65_537, 262_144]) {
      await channel.send(pattern(length, length))
      expect(await channel.receive()).toEqual(pattern(length, length))
    }
    await channel.close()
    expect(await channel.closed).toEqual({})
    expect(channel.unacknowledgedBytes).toBe(0)
  })

  it('has one session, known by the same id at both ends', async () => {
    const { a, b } = await startPair()
    await Promise.all([a.network.connectPeer(b.address), b.network.connectPeer(a.address)])
    expect(a.network.sessions).toHaveLength(1)
    await expect.poll(() => b.network.session(a.key.peerId)?.id).toBe(a.network.sessions[0]?.id)
    expect(a.network.connectedPeers()[0]).toMatchObject({ peerId: b.key.peerId, databases: ['db'] })
    await expect.poll(() => a.network.connectedPeers()[0]?.rttMs).toBeGreaterThanOrEqual(0)
  })

  it('comes to one session when both dial at the same moment', async () => {
    const [a, b] = [await startNode(), await startNode()]
    await Promise.all([a, b].map(({ network }) => network.join({ id: 'db', secret })))
    await Promise.allSettled([a.network.connectPeer(b.address), b.network.connectPeer(a.address)])
    await expect.poll(() => a.network.sessions.length).toBe(1)
    await expect.poll(() => b.network.sessions[0]?.id).toBe(a.network.sessions[0]?.id)
  })

  it('refuses what nobody handles, and the session goes on', async () => {
    const { a, b } = await startPair()
    const session = a.network.session(b.network.peerId)!
    const refused = session.openChannel('/nobody/1')
    expect((await refused.closed).error).toMatchObject({
      code: 'ERR_CHANNEL_REFUSED',
      peerCode: 'ERR_PROTOCOL_UNKNOWN',
    })
    const taken = nextChannel(b.network, '/somebody/1')
    const channel = session.openChannel('/somebody/1')
    await channel.send(pattern(3))
    expect(await (await taken).receive()).toEqual(pattern(3))
  })

  it('refuses a message that is too large, and sends nothing', async () => {
    const { a, b } = await startPair()
    echo(b.network)
    const channel = a.network.session(b.network.peerId)!.openChannel('/echo/1')
    await expect(channel.send(new Uint8Array(262_145))).rejects.toMatchObject({
      code: 'ERR_CHANNEL_MESSAGE_SIZE',
    })
    await channel.send(pattern(5))
    expect(await channel.receive()).toEqual(pattern(5))
  })

  it('slows the writer down while nobody reads, and a second channel goes on', async () => {
    const { a, b } = await startPair()
    echo(b.network)
    const idle = nextChannel(b.network, '/idle/1')
    const session = a.network.session(b.network.peerId)!
    const writer = session.openChannel('/idle/1')
    let sent = 0
    const writing = (async () => {
      for (; sent < 40; sent++) await writer.send(pattern(65_536, sent))
    })()
    const channel = session.openChannel('/echo/1', { priority: 'critical' })
    await channel.send(pattern(9))
    expect(await channel.receive()).toEqual(pattern(9))
    expect(sent).toBeLessThan(20)
    const reader = await idle
    for (let index = 0; index < 40; index++) {
      expect(await reader.receive()).toEqual(pattern(65_536, index))
    }
    await writing
  })

  it('aborts a call that waits, and that message is not sent', async () => {
    const { a, b } = await startPair()
    const idle = nextChannel(b.network, '/idle/1')
    const writer = a.network.session(b.network.peerId)!.openChannel('/idle/1')
    const stop = new AbortController()
    const sends = Array.from({ length: 30 }, (_, index) =>
      writer.send(pattern(65_536, index), { signal: stop.signal }),
    )
    const outcome = Promise.allSettled(sends)
    const reader = await idle
    stop.abort(new Error('enough'))
    const results = await outcome
    const taken = results.filter(({ status }) => status === 'fulfilled').length
    expect(results.at(-1)).toMatchObject({ reason: new Error('enough') })
    void writer.close()
    let received = 0
    for await (const message of reader) expect(message).toEqual(pattern(65_536, received++))
    expect(received).toBe(taken)
  })

  it('ends both ends of a channel that is reset, with the code', async () => {
    const { a, b } = await startPair()
    const taken = nextChannel(b.network, '/test/1')
    const channel = a.network.session(b.network.peerId)!.openChannel('/test/1')
    await channel.send(pattern(1))
    const far = await taken
    await far.receive()
    const waiting = far.receive()
    channel.reset('ERR_APP_CHANGED_ITS_MIND')
    await expect(waiting).rejects.toMatchObject({
      code: 'ERR_CHANNEL_RESET',
      peerCode: 'ERR_APP_CHANGED_ITS_MIND',
    })
    expect((await channel.closed).error).toBeUndefined()
  })
})

describe('databases', () => {
  it('become shared when the second side joins, and cease to be when one leaves', async () => {
    const { a, b } = await startPair()
    const session = a.network.session(b.network.peerId)!
    await a.network.join({ id: 'second' })
    await expect(session.openChannel('/x/1', { database: 'second' }).closed).resolves.toMatchObject(
      {
        error: { code: 'ERR_NOT_MEMBER' },
      },
    )
    const shared = a.network.events.once('database:shared')
    await b.network.join({ id: 'second' })
    expect(await shared).toMatchObject({ databaseId: 'second' })
    const taken = nextChannel(b.network, '/x/1')
    const channel = session.openChannel('/x/1', { database: 'second' })
    expect((await taken).database).toBe('second')
    await b.network.leave('second')
    expect((await channel.closed).error?.code).toMatch(/ERR_(NOT_MEMBER|CHANNEL_RESET)/)
    expect(session.databases).toEqual(new Set(['db']))
  })

  it('of one id and two secrets are two databases', async () => {
    const { a, b } = await startPair()
    await a.network.join({ id: 'other', secret: new Uint8Array(32).fill(1) })
    await b.network.join({ id: 'other', secret: new Uint8Array(32).fill(2) })
    await b.network.join({ id: 'open' })
    await a.network.join({ id: 'open' })
    await expect.poll(() => a.network.sessions[0]?.databases.has('open')).toBe(true)
    expect(a.network.sessions[0]?.databases.has('other')).toBe(false)
    await expect(a.network.join({ id: 'other' })).rejects.toThrow(RangeError)
    await expect(a.network.leave('unknown')).rejects.toMatchObject({ code: 'ERR_DATABASE_UNKNOWN' })
  })
})

describe('a session whose connection breaks', () => {
  it('loses and doubles nothing under load, over and over', async () => {
    const [a, b] = [await startNode(), await startNode()]
    await Promise.all([a, b].map(({ network }) => network.join({ id: 'db', secret })))
    const cable = await layCable(b.address)
    // The cable is the only way: nobody may find a better one.
    await a.network.connectPeer(cable.address)
    echo(b.network)
    const session = a.network.session(b.key.peerId)!
    const resumed: Session[] = []
    a.network.events.on('session:resumed', (event) => resumed.push(event.session))
    const channel = session.openChannel('/echo/1', { database: 'db' })
    const total = 400
    const sending = (async () => {
      for (let index = 0; index < total; index++) {
        await channel.send(pattern(20_000, index))
        if (index % 100 === 50) cable.cut()
      }
      void channel.close()
    })()
    let received = 0
    for await (const message of channel) {
      expect(message).toEqual(pattern(20_000, received++))
      if (received === 300) cable.cut()
    }
    await sending
    expect(received).toBe(total)
    expect(resumed.length).toBeGreaterThan(0)
    expect(new Set(resumed)).toEqual(new Set([session]))
    expect(a.network.sessions).toEqual([session])
  }, 20_000)

  it('ends when the peer does not come back in time', async () => {
    const options = { resumeWindowMs: 300 }
    const [a, b] = [await startNode(options), await startNode(options)]
    await Promise.all([a, b].map(({ network }) => network.join({ id: 'db', secret })))
    await a.network.connectPeer(b.address)
    const session = a.network.session(b.key.peerId)!
    const told: string[] = []
    for (const name of ['session:interrupted', 'peer:disconnected', 'session:ended'] as const) {
      a.network.events.on(name, () => told.push(name))
    }
    await b.transport.disconnect()
    expect((await session.closed).error?.code).toBe('ERR_SESSION_TIMEOUT')
    expect(told).toEqual(['session:interrupted', 'peer:disconnected', 'session:ended'])
  })
})

describe('peers', () => {
  it('with one key in two processes stay apart', async () => {
    const key = createNodeKey()
    const [first, second] = [await startNode({}, { key }), await startNode({}, { key })]
    const other = await startNode()
    for (const { network } of [first, second, other]) await network.join({ id: 'db', secret })
    await other.network.connectPeer(first.address)
    await second.network.connectPeer(other.address)
    await expect.poll(() => other.network.sessions.length).toBe(2)
    const instances = other.network.sessions.map(({ instance }) => instance)
    expect(new Set(instances)).toEqual(new Set([first.network.instance, second.network.instance]))
    for (const session of other.network.sessions) {
      const near = [first, second].find(({ network }) => network.instance === session.instance)!
      const taken = nextChannel(near.network, '/who/1')
      await session.openChannel('/who/1').send(pattern(4))
      expect(await (await taken).receive()).toEqual(pattern(4))
    }
  })

  it('that are bootstrap nodes are dialled at the start', async () => {
    const b = await startNode()
    await b.network.join({ id: 'db', secret })
    const a = await startNode({ bootstrapNodes: [b.address] })
    await a.network.join({ id: 'db', secret })
    await expect.poll(() => a.network.isPeerConnected(b.key.peerId), { timeout: 5_000 }).toBe(true)
  })

  it('tell how each dial of a bootstrap node ends', async () => {
    const b = await startNode()
    await b.network.join({ id: 'db', secret })
    const a = await startNode({ bootstrapNodes: ['radio://nobody', b.address] })
    const ends = new Map<string, NetworkEvents['dial:ended']>()
    a.network.events.on('dial:ended', (end) => void ends.set(end.target, end))
    await a.network.join({ id: 'db', secret })
    await expect.poll(() => ends.size, { timeout: 5_000 }).toBe(2)
    expect(ends.get(b.address)).toMatchObject({ peerId: b.key.peerId, error: undefined })
    const failed = ends.get('radio://nobody')
    expect(failed?.peerId).toBeUndefined()
    expect(isVudoError(failed?.error)).toBe(true)
  })

  it('are counted, and those beyond the limit refused', async () => {
    const hub = await startNode({ maxConnections: 1 })
    const [a, b] = [await startNode(), await startNode()]
    for (const { network } of [hub, a, b]) await network.join({ id: 'db', secret })
    await a.network.connectPeer(hub.address)
    await expect(b.network.connectPeer(hub.address)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
  })

  it('are told of a disconnect, which is not undone', async () => {
    const { a, b } = await startPair()
    const ended: Promise<NetworkEvents['session:ended']> = b.network.events.once('session:ended')
    await a.network.disconnectPeer(b.key.peerId)
    expect((await ended).error?.code).toBe('ERR_SESSION_CLOSED')
    expect(a.network.connectedPeers()).toEqual([])
    await expect(a.network.disconnectPeer(b.key.peerId)).rejects.toMatchObject({
      code: 'ERR_PEER_NOT_CONNECTED',
    })
    await a.network.connectPeer(b.address)
    expect(a.network.isPeerConnected(b.key.peerId)).toBe(true)
    await a.network.disconnectAll()
    expect(a.network.sessions).toEqual([])
  })
})

describe('stop', () => {
  it('ends everything that waits, in any state, and says goodbye', async () => {
    const { a, b } = await startPair()
    const taken = nextChannel(b.network, '/test/1')
    const channel = a.network.session(b.key.peerId)!.openChannel('/test/1')
    const far: Channel = await taken
    const waiting = [channel.receive(), far.receive()].map((call) => call.catch((e: unknown) => e))
    const ended = b.network.events.once('session:ended')
    await Promise.all([a.network.stop(), a.network.stop()])
    expect((await ended).error?.code).toBe('ERR_SESSION_CLOSED')
    for (const call of waiting) expect(await call).toMatchObject({ code: 'ERR_SESSION_CLOSED' })
    await expect(a.network.join({ id: 'x' })).rejects.toMatchObject({ code: 'ERR_NETWORK_STOPPED' })
    await expect(a.network.connectPeer(b.address)).rejects.toMatchObject({
      code: 'ERR_NETWORK_STOPPED',
    })
  })

  it('leaves no timer and no socket, whatever was going on', async () => {
    const before = activeCounts()
    const { a, b } = await startPair()
    const stranger = await startNode()
    await stranger.network.join({ id: 'another', secret: new Uint8Array(32).fill(3) })
    const taken = nextChannel(b.network, '/test/1')
    const channel = a.network.session(b.key.peerId)!.openChannel('/test/1')
    await channel.send(pattern(200_000))
    await taken
    const dial = stranger.network.connectPeer(b.address).catch((error: unknown) => error)
    const silent = stranger.network.connectPeer('tcp://127.0.0.1:9').catch((e: unknown) => e)
    const nodes = [a, b, stranger]
    await Promise.all(nodes.map(({ network }) => network.stop()))
    expect(await Promise.all([dial, silent])).toEqual([expect.any(Error), expect.any(Error)])
    expect(await leftOver(before)).toEqual([])
  })

  it('works before the start', async () => {
    const key = createNodeKey()
    const network = createNetwork({ key, transports: [tcpTransport(key)] })
    await network.stop()
    await expect(network.start()).rejects.toMatchObject({ code: 'ERR_NETWORK_STOPPED' })
  })

  it('starts at the second try when the first port was taken', async () => {
    const key = createNodeKey()
    const transport = tcpTransport(key)
    let isFirst = true
    const listen = transport.listen.bind(transport)
    transport.listen = async (options) => {
      if (!isFirst) return listen(options)
      isFirst = false
      throw new Error('taken')
    }
    const network = createNetwork({ key, transports: [transport] })
    await expect(network.start()).rejects.toThrow('taken')
    await network.start()
    expect(network.addresses).toHaveLength(1)
    await network.stop()
  })

  it('refuses options that make no sense', () => {
    const key = createNodeKey()
    const transports = [tcpTransport(key)]
    const options = { heartbeatIntervalMs: 1 }
    expect(() => createNetwork({ key, transports, options })).toThrow(/heartbeatIntervalMs is 1/)
    expect(() => createNetwork({ key, transports: [] })).toThrow(RangeError)
  })
})

/** What keeps this process alive, by kind. */
function activeCounts(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) {
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

/** What of this is more than `before`, once the loop has had its turns to let go. No timers: they would count. */
async function leftOver(before: ReadonlyMap<string, number>): Promise<string[]> {
  let left: string[] = []
  for (let turn = 0; turn < 100; turn++) {
    await new Promise((resolve) => void setImmediate(resolve))
    left = [...activeCounts()]
      .filter(([name, count]) => name !== 'Immediate' && count > (before.get(name) ?? 0))
      .map(([name, count]) => `${count - (before.get(name) ?? 0)} ${name}`)
    if (left.length === 0) break
  }
  return left
}
