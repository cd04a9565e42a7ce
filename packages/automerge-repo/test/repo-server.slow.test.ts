import { generateAutomergeUrl } from '@automerge/automerge-repo'
import { encodeCbor } from '@vudo/wire'
import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { openNotes, serve } from './notes.ts'

vi.setConfig({ testTimeout: 60_000 })

test('a flood of ids begins no more documents than one peer may', async () => {
  const database = await openNotes()
  const server = await serve(database, { newDocuments: 'new' })
  const socket = new WebSocket(server.url)
  await once(socket, 'open')
  socket.send(encodeCbor({ type: 'join', senderId: 'evil' }))
  const head = Array.from({ length: 32 }, () => 7)
  const data = Uint8Array.of(0x42, 1, ...head, 0, 0, 0)
  let unavailable = 0
  socket.on('message', (message: Buffer) => {
    if (message.includes('doc-unavailable')) unavailable += 1
  })
  for (let at = 0; at < 1_050; at++) {
    const documentId = generateAutomergeUrl().slice('automerge:'.length)
    socket.send(encodeCbor({ type: 'sync', senderId: 'evil', targetId: 'x', documentId, data }))
  }
  await vi.waitFor(() => expect(unavailable).toBe(50), { timeout: 50_000 })
  expect(await database.ls('new')).toHaveLength(1_000)
  socket.terminate()
})
