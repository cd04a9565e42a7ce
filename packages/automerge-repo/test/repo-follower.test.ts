import { followAutomergeRepo } from '@vudo/automerge-repo'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { decodeMessage } from '../src/cbor-message.ts'
import { openNotes } from './notes.ts'

/** A stock server that shares nothing unasked keeps what it has sent to a name, lost or not, and does not send it again. */
test('a follower joins under another name with each connection', async () => {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(sockets, 'listening')
  const { port } = sockets.address() as { port: number }
  const follower = followAutomergeRepo({
    database: await openNotes(),
    url: `ws://127.0.0.1:${port}`,
  })
  onTestFinished(async () => {
    await follower.close()
    sockets.close()
  })
  const names: unknown[] = []
  for (let time = 0; time < 2; time++) {
    const [socket] = (await once(sockets, 'connection')) as [WebSocket]
    const [join] = (await once(socket, 'message')) as [Buffer]
    names.push(decodeMessage(join)['senderId'])
    socket.terminate()
  }
  expect(names).toEqual([expect.any(String), expect.any(String)])
  expect(names[0]).not.toBe(names[1])
})
