import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '@vudo/transport'
import { relay } from '@vudo/transport-relay'
import { offsets, startHostileRelay, type HostileRelay } from './hostile-relay.ts'
import { createNode, meet, type TestNode } from './nodes.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start(): Promise<HostileRelay> {
  const one = await startHostileRelay()
  open.push(() => one.close())
  return one
}

function node(url: string): TestNode {
  const one = createNode(relay({ urls: [url] }))
  open.push(() => one.transport.disconnect())
  return one
}

/** Everything that comes until the connection ends, and whether it ended well. */
async function readAll(connection: Connection): Promise<{ messages: number[]; clean: boolean }> {
  const messages: number[] = []
  try {
    for await (const message of connection) messages.push(message[0] ?? -1)
  } catch {
    // How it ended is in `closed`.
  }
  return { messages, clean: (await connection.closed).clean }
}

let held: Buffer | undefined

/** What the relay does to the frame that carries the message. */
const attacks: Readonly<Record<string, (frame: Buffer) => readonly Buffer[]>> = {
  'flips a bit': (frame) => {
    const changed = Buffer.from(frame)
    changed[frame.length - 20] = (changed[frame.length - 20] ?? 0) ^ 1
    return [changed]
  },
  'drops it': () => [],
  'replays it': (frame) => [frame, frame],
  'replays it with the next count': (frame) => {
    const again = Buffer.from(frame)
    again.writeUInt32BE(again.readUInt32BE(offsets.message - 4) + 1, offsets.message - 4)
    return [frame, again]
  },
  'truncates it': (frame) => [frame.subarray(0, frame.length - 1)],
  'turns two round': (frame) => {
    if (!held) {
      held = frame
      return []
    }
    const both = [frame, held]
    held = undefined
    return both
  },
  'turns two round and counts them anew': (frame) => {
    if (!held) {
      held = Buffer.from(frame)
      return []
    }
    const [first, second] = [Buffer.from(frame), held]
    const count = second.readUInt32BE(offsets.message - 4)
    first.writeUInt32BE(count, offsets.message - 4)
    second.writeUInt32BE(count + 1, offsets.message - 4)
    held = undefined
    return [first, second]
  },
}

describe('RL5: a relay that attacks', () => {
  it.each(Object.keys(attacks))(
    '%s: nothing wrong is delivered, and it is noticed',
    async (name) => {
      held = undefined
      const hostile = await start()
      const [ab, ba] = await meet(node(hostile.url), node(hostile.url))
      await ab.send(Uint8Array.of(1))
      expect(await ba.receive()).toEqual(Uint8Array.of(1))
      let n = 0
      hostile.tamper = (frame) => (n++ < 2 ? (attacks[name]?.(frame) ?? []) : [frame])
      const reading = readAll(ba)
      for (let value = 2; value < 30; value++) {
        await ab.send(Uint8Array.of(value)).catch(() => undefined)
        await new Promise(setImmediate)
      }
      const { messages, clean } = await reading
      expect(clean).toBe(false)
      expect(messages).toEqual(messages.map((_, i) => i + 2))
      expect(messages.length).toBeLessThan(28)
    },
  )

  it('splices a frame of another connection in: refused', async () => {
    const hostile = await start()
    const [a, b] = [node(hostile.url), node(hostile.url)]
    const [one, far] = await meet(a, b)
    const recorded: Buffer[] = []
    hostile.tamper = (frame) => {
      recorded.push(Buffer.from(frame))
      return [frame]
    }
    await one.send(Uint8Array.of(1))
    expect(await far.receive()).toEqual(Uint8Array.of(1))
    const [foreign] = recorded
    await one.close()
    hostile.tamper = undefined
    const [two, farTwo] = await meet(a, b)
    hostile.tamper = (frame) => {
      // The sealed message of the first connection, under the id and count of the second.
      const head = frame.subarray(0, offsets.message)
      return [Buffer.concat([head, (foreign ?? frame).subarray(offsets.message)])]
    }
    const reading = readAll(farTwo)
    await two.send(Uint8Array.of(2)).catch(() => undefined)
    expect(await reading).toEqual({ messages: [], clean: false })
  })

  it('passes one node off as another: the handshake fails', async () => {
    const hostile = await start()
    const [a, b, c] = [node(hostile.url), node(hostile.url), node(hostile.url)]
    await Promise.all([a, b, c].map(({ transport }) => transport.listen()))
    const [address = ''] = b.transport.addresses
    const endpoint = address.split('/').slice(-2).join('')
    const forged = endpoint.replace(b.id, c.id)
    hostile.alias = { shown: forged, real: endpoint }
    await expect(a.transport.dial(address.replace(b.id, c.id))).rejects.toMatchObject({
      code: 'ERR_HANDSHAKE_FAILED',
    })
    // And without the lie it would have worked.
    hostile.alias = undefined
    expect((await a.transport.dial(address)).peerId).toBe(b.id)
  })
})
