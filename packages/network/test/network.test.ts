import { isNetworkError } from '@vudo/network'
import { describe, expect, it } from 'vitest'
import { echo, nextChannel, pattern, startNode, startPair } from './nodes.ts'

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
  })

  it('refuses what nobody handles, and the session goes on', async () => {
    const { a, b } = await startPair()
    const session = a.network.session(b.network.peerId)!
    const refused = session.openChannel('/nobody/1')
    expect((await refused.closed).error?.code).toBe('ERR_CHANNEL_REFUSED')
    expect((await refused.closed).error?.peerCode).toBe('ERR_PROTOCOL_UNKNOWN')
    const taken = nextChannel(b.network, '/somebody/1')
    const channel = session.openChannel('/somebody/1')
    await channel.send(pattern(3))
    expect(await (await taken).receive()).toEqual(pattern(3))
  })
})
