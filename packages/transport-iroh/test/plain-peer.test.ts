import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseIrohAddress } from '@vudo/transport-iroh'
import { isIsolated } from './namespace.ts'
import { createNode } from './nodes.ts'

const program = fileURLToPath(new URL('plain-peer.ts', import.meta.url))

describe.runIf(isIsolated)('a plain peer of the bare library', () => {
  it('reaches ours, meets it on the topic, and exchanges messages', async () => {
    const node = createNode()
    const topic = new Uint8Array(32).fill(42)
    const joined = node.connect(topic)[Symbol.asyncIterator]()
    const met = joined.next()
    await node.listen()
    const [address = ''] = node.addresses
    const { peerId, direct } = parseIrohAddress(address)
    const [at = ''] = direct
    const args = [program, peerId, at, Buffer.from(topic).toString('hex')]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const exit = new Promise((resolve) => child.once('close', resolve))
    const said = Promise.all([text(child.stdout), text(child.stderr)])
    try {
      const connection = (await met).value!
      const message = await connection.receive()
      expect(new TextDecoder().decode(message)).toBe('from a stranger')
      expect(connection.path).toMatchObject({ transport: 'iroh', outbound: false, relayed: false })
      await connection.send(new TextEncoder().encode('welcome'))
      expect(await connection.receive()).toBeUndefined()
      expect(await connection.closed).toMatchObject({ clean: true })
      const [out, err] = await said
      expect([JSON.parse(out), err]).toEqual([{ first: 3, heard: 'welcome' }, ''])
      // It ends by itself: nothing of the stack keeps a process that has closed everything.
      expect(await exit).toBe(0)
    } finally {
      child.kill()
      await node.disconnect()
    }
  }, 30_000)
})
