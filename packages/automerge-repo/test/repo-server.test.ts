import * as A from '@automerge/automerge'
import { generateAutomergeUrl, Repo, type DocumentId, type PeerId } from '@automerge/automerge-repo'
import {
  WebSocketClientAdapter,
  WebSocketServerAdapter,
} from '@automerge/automerge-repo-network-websocket'
import { createAutomergeRepoServer, followAutomergeRepo } from '@vudo/automerge-repo'
import { encodeCbor } from '@vudo/wire'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { decodeMessage } from '../src/cbor-message.ts'
import { openNotes, serve, type Note } from './notes.ts'

vi.setConfig({ testTimeout: 30_000 })

/** An unmodified client of automerge-repo. */
function stockClient(url: string): Repo {
  const repo = new Repo({ network: [new WebSocketClientAdapter(url)] })
  onTestFinished(() => repo.shutdown())
  return repo
}

/** What a document should become within 20 s. */
async function becomes(read: () => unknown, expected: unknown): Promise<void> {
  await vi.waitFor(() => expect(read()).toEqual(expected), { timeout: 20_000, interval: 20 })
}

const urlOf = (id: string): ReturnType<typeof generateAutomergeUrl> =>
  id as ReturnType<typeof generateAutomergeUrl>

test('stock clients in processes of their own and ours edit one document, and agree', async () => {
  const database = await openNotes()
  const server = await serve(database)
  const note = await database.open<Note>('notes/x', { lines: [] })
  const client = fileURLToPath(new URL('stock-client.ts', import.meta.url))
  const run = (line: string): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, [client, server.url, note.id, line, '3'])
  const both = Promise.all([run('one'), run('two')])
  note.change((doc) => doc.lines.push('ours'))
  const results = await both
  const expected = ['one', 'ours', 'two']
  expect(results.map(({ stdout }): unknown => JSON.parse(stdout))).toEqual([expected, expected])
  await becomes(() => note.current.lines.toSorted(), expected)
})

test('a document that a client begins lies under its id, once there is a place for it', async () => {
  const database = await openNotes()
  const server = await serve(database, { newDocuments: 'from/repo' })
  const repo = stockClient(server.url)
  const handle = repo.create<Note>({ title: 'theirs', lines: [] })
  const place = `from/repo/${handle.url.slice('automerge:'.length)}`
  await vi.waitFor(
    async () => {
      expect(await database.readDoc(place)).toEqual({ title: 'theirs', lines: [] })
    },
    { timeout: 20_000 },
  )
  const note = await database.open<Note>(place)
  note.change((doc) => doc.lines.push('ours'))
  await becomes(() => handle.doc(), { title: 'theirs', lines: ['ours'] })
  // Deleted here, it does not come back with the next client that has it.
  await note.close()
  await database.remove(place)
  const again = stockClient(server.url)
  await expect(again.find(handle.url)).rejects.toThrow(/unavailable/)
  handle.change((doc) => doc.lines.push('too late'))
  const other = stockClient(server.url)
  await expect(other.find(handle.url)).rejects.toThrow(/unavailable/)
  expect(await database.ls()).toEqual([])
})

test('a document that is asked for before it is here is sent when it comes', async () => {
  const database = await openNotes()
  const server = await serve(database, { newDocuments: 'new' })
  const early = stockClient(server.url)
  const [author, url] = [stockClient(server.url), generateAutomergeUrl()]
  await expect(early.find(url)).rejects.toThrow(/unavailable/)
  const { documentId } = author.import<Note>(A.save(A.from({ lines: ['late'] })), {
    docId: url.slice('automerge:'.length) as DocumentId,
  })
  expect(url).toContain(documentId)
  await vi.waitFor(
    async () => {
      expect((await early.find<Note>(url)).doc()).toEqual({ lines: ['late'] })
    },
    { timeout: 20_000 },
  )
})

test('what is not here, or not to be seen, is unavailable', async () => {
  const database = await openNotes((author, action, place) => {
    return author !== '' || (action === 'read' && place === 'notes/open')
  })
  const server = await serve(database)
  const [open, shut] = [
    await database.open<Note>('notes/open', { lines: ['seen'] }),
    await database.open<Note>('notes/shut', { lines: ['secret'] }),
  ]
  const repo = stockClient(server.url)
  expect((await repo.find<Note>(urlOf(open.id))).doc()).toEqual({ lines: ['seen'] })
  await expect(repo.find(urlOf(shut.id))).rejects.toThrow(/unavailable/)
  await expect(repo.find(generateAutomergeUrl())).rejects.toThrow(/unavailable/)
})

test('who comes in, as whom and whether to write, the application says', async () => {
  const database = await openNotes()
  const server = await serve(database, {
    authenticate: ({ url = '' }) => (url === '/in' ? { writes: false } : undefined),
  })
  const note = await database.open<Note>('notes/x', { lines: ['kept'] })
  const refused = new WebSocket(`${server.url}/out`)
  refused.on('error', () => {})
  const [, { statusCode }] = (await once(refused, 'unexpected-response')) as [
    unknown,
    IncomingMessage,
  ]
  expect(statusCode).toBe(401)
  refused.terminate()
  const repo = stockClient(`${server.url}/in`)
  const handle = await repo.find<Note>(urlOf(note.id))
  handle.change((doc) => doc.lines.push('theirs alone'))
  note.change((doc) => doc.lines.push('ours'))
  await vi.waitFor(() => expect(handle.doc().lines).toContain('ours'), { timeout: 20_000 })
  expect(note.current.lines).toEqual(['kept', 'ours'])
})

test('what is not stored reaches the other clients of a document', async () => {
  const database = await openNotes()
  const server = await serve(database)
  const note = await database.open<Note>('notes/x', { lines: [] })
  const [a, b] = [stockClient(server.url), stockClient(server.url)]
  const [there, here] = [await a.find<Note>(urlOf(note.id)), await b.find<Note>(urlOf(note.id))]
  const told = server.events.once('ephemeral')
  const heard = new Promise<unknown>((resolve) => {
    here.on('ephemeral-message', ({ message }) => resolve(message))
  })
  // Too large to wait for every follower: dropped.
  there.broadcast({ cursor: 'x'.repeat(65_536) })
  there.broadcast({ cursor: 7 })
  expect(await heard).toEqual({ cursor: 7 })
  expect((await told).documentId).toBe(note.id)
})

test('more documents than may be open at a time are all kept in step', async () => {
  const database = await openNotes()
  const server = await serve(database)
  const notes: { url: string; path: string }[] = []
  for (let at = 0; at < 105; at++) {
    const note = await database.open<Note>(`many/${at}`, { lines: [`${at}`] })
    notes.push({ url: note.id, path: note.path })
    await note.close()
  }
  const opened = vi.spyOn(database, 'openById')
  const repo = stockClient(server.url)
  const handles = await Promise.all(notes.map(({ url }) => repo.find<Note>(urlOf(url))))
  // The first ones are closed on the server by now, and open again for this.
  const first = await database.open<Note>('many/0')
  first.change((doc) => doc.lines.push('later'))
  await becomes(() => handles[0]?.doc(), { lines: ['0', 'later'] })
  expect(opened.mock.calls.filter(([id]) => id === first.id).length).toBeGreaterThan(1)
  handles[1]?.change((doc) => doc.lines.push('theirs'))
  await vi.waitFor(
    async () => {
      expect(await database.readDoc('many/1')).toEqual({ lines: ['1', 'theirs'] })
    },
    { timeout: 20_000 },
  )
})

test('a follower keeps our documents in step with a stock server, also after it was away', async () => {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(sockets, 'listening')
  const { port } = sockets.address() as { port: number }
  const hub = new Repo({
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its types ask for less strict ones than ours
    network: [new WebSocketServerAdapter(sockets as never)],
    peerId: 'hub' as PeerId,
    sharePolicy: () => Promise.resolve(false),
  })
  onTestFinished(async () => {
    await hub.shutdown()
    for (const client of sockets.clients) client.terminate()
    sockets.close()
  })
  const theirs = hub.create<Note>({ lines: ['theirs'] })
  const database = await openNotes()
  await database.admit('notes/theirs', theirs.url)
  const ours = await database.open<Note>('notes/ours', { lines: ['ours'] })
  const follower = followAutomergeRepo({ database, url: `ws://127.0.0.1:${port}` })
  onTestFinished(() => follower.close())
  await vi.waitFor(
    async () => {
      expect(await database.readDoc('notes/theirs')).toEqual({ lines: ['theirs'] })
    },
    { timeout: 20_000 },
  )
  const note = await database.open<Note>('notes/theirs')
  note.change((doc) => doc.lines.push('from us'))
  await becomes(() => theirs.doc(), { lines: ['theirs', 'from us'] })
  await vi.waitFor(
    async () => {
      const there = await hub.find<Note>(urlOf(ours.id))
      expect(there.doc()).toEqual({ lines: ['ours'] })
    },
    { timeout: 20_000 },
  )
  expect(follower.isConnected).toBe(true)
  const gone = follower.events.once('peer:disconnected')
  for (const client of sockets.clients) client.terminate()
  await gone
  theirs.change((doc) => doc.lines.push('meanwhile'))
  await becomes(() => note.current.lines, ['theirs', 'from us', 'meanwhile'])
  // One that begins while it stands is offered as well.
  const late = await database.open<Note>('notes/late', { lines: ['late'] })
  await vi.waitFor(
    async () => {
      expect((await hub.find<Note>(urlOf(late.id))).doc()).toEqual({ lines: ['late'] })
    },
    { timeout: 20_000 },
  )
})

test('a server gets nothing from outside the prefix of a follower, whatever it asks for', async () => {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(sockets, 'listening')
  const { port } = sockets.address() as { port: number }
  const database = await openNotes()
  await database.open<Note>('public/a', { lines: ['seen'] })
  const diary = await database.open<Note>('private/diary', { lines: ['secret'] })
  const documentId = diary.id.slice('automerge:'.length)
  const connected = once(sockets, 'connection')
  const url = `ws://127.0.0.1:${port}`
  const follower = followAutomergeRepo({ database, url, prefix: 'public' })
  onTestFinished(async () => {
    await follower.close()
    sockets.close()
  })
  const [socket] = (await connected) as [WebSocket]
  const answers: Record<string, unknown>[] = []
  socket.on('message', (data: Buffer) => answers.push(decodeMessage(data)))
  await vi.waitFor(() => expect(answers).toHaveLength(1), { timeout: 20_000 })
  const own = { senderId: 'hub', targetId: answers[0]?.['senderId'] }
  socket.send(encodeCbor({ type: 'peer', ...own, selectedProtocolVersion: '1' }))
  for (const type of ['request', 'sync']) {
    const before = answers.length
    const data = Uint8Array.of(0x42, 0, 0, 0, 0)
    socket.send(encodeCbor({ type, ...own, documentId, data }))
    await vi.waitFor(
      () => {
        const about = answers.slice(before).filter((answer) => answer['documentId'] === documentId)
        expect(about.map((answer) => answer['type'])).toEqual(['doc-unavailable'])
      },
      { timeout: 20_000 },
    )
  }
})

test('hostile clients lose their socket, and an honest one goes on', async () => {
  const database = await openNotes()
  const server = await serve(database, { newDocuments: 'new' })
  const note = await database.open<Note>('notes/x', { lines: [] })
  const repo = stockClient(server.url)
  const handle = await repo.find<Note>(urlOf(note.id))
  const documentId = note.id.slice('automerge:'.length)
  const join = encodeCbor({ type: 'join', senderId: 'evil', peerMetadata: {} })
  const fromEvil = (fields: object): Uint8Array =>
    encodeCbor({ senderId: 'evil', targetId: 'x', documentId, ...fields })
  const filter = [2, 10, 128, 128, 128, 128, 128, 32, 0, 0, 0]
  for (const messages of [
    [Uint8Array.of(0xff)],
    [Uint8Array.of(0x9b, 0, 0, 0, 1, 0, 0, 0, 0)],
    [Uint8Array.from({ length: 10_000 }, () => 0x81)],
    [Uint8Array.of(0xb9, 0xff, 0xff, ...Array.from({ length: 30_000 }, () => 0x60))],
    [fromEvil({ type: 'sync', data: Uint8Array.of(1) })],
    [encodeCbor({ type: 'join', senderId: 'x'.repeat(1_000) })],
    [encodeCbor({ type: 'join', senderId: 'old', supportedProtocolVersions: ['0'] })],
    [join, fromEvil({ type: 'sync', data: Uint8Array.of(0x42, 255) })],
    [join, fromEvil({ type: 'sync', documentId: 'none', data: Uint8Array.of(1) })],
    [join, fromEvil({ type: 'sync', data: Uint8Array.of(0x42, 0, 0, 1, 0, 11, ...filter, 0) })],
    [join, new Uint8Array(70_000_000)],
  ]) {
    const socket = new WebSocket(server.url)
    socket.on('error', () => {})
    await once(socket, 'open')
    const closed = once(socket, 'close')
    for (const message of messages) socket.send(message)
    await closed
  }
  handle.change((doc) => doc.lines.push('still here'))
  await becomes(() => note.current.lines, ['still here'])
  expect(await database.ls('new')).toEqual([])
})

test('a name that others use takes nobody away, and speaks for nobody else', async () => {
  const database = await openNotes()
  const server = await serve(database)
  const note = await database.open<Note>('notes/x', { lines: [] })
  const repo = stockClient(server.url)
  const handle = await repo.find<Note>(urlOf(note.id))
  const documentId = note.id.slice('automerge:'.length)
  const evil = new WebSocket(server.url)
  await once(evil, 'open')
  const joined = once(evil, 'message')
  evil.send(encodeCbor({ type: 'join', senderId: repo.peerId }))
  await joined
  // In its own name it would be answered; in another it is not heard.
  const spoofed = { type: 'request', senderId: 'somebody', targetId: 'x', documentId }
  evil.send(encodeCbor({ ...spoofed, data: Uint8Array.of(0x42, 0, 0, 0, 0) }))
  const answered = once(evil, 'message')
  const missing = generateAutomergeUrl().slice('automerge:'.length)
  const own = { type: 'request', senderId: repo.peerId, targetId: 'x', documentId: missing }
  evil.send(encodeCbor({ ...own, data: Uint8Array.of(0x42, 0, 0, 0, 0) }))
  const [answer] = (await answered) as [Buffer]
  expect(answer.includes('doc-unavailable')).toBe(true)
  handle.change((doc) => doc.lines.push('still connected'))
  await becomes(() => note.current.lines, ['still connected'])
  evil.terminate()
})

test('close waits for nobody who has only connected, or was refused', async () => {
  const database = await openNotes()
  const server = await serve(database, { maxPeers: 0 })
  const { port } = new URL(server.url)
  const upgrade = [
    'GET / HTTP/1.1',
    'Host: x',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ].join('\r\n')
  const open = async (
    text: string,
  ): Promise<{ closed: Promise<unknown>; answer: () => string }> => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    let answer = ''
    socket.on('data', (data) => (answer += data.toString()))
    const closed = new Promise((resolve) => {
      socket.once('end', resolve)
      socket.once('close', resolve)
    })
    onTestFinished(() => void socket.destroy())
    await once(socket, 'connect')
    socket.write(text)
    return { closed, answer: () => answer }
  }
  const silent = await open('')
  const half = await open('GET / HTTP/1.1\r\nHost: x\r\n')
  const refused = await open(`${upgrade}\r\n\r\n`)
  await refused.closed
  expect(refused.answer()).toMatch(/^HTTP\/1.1 503 /)
  await server.close()
  await Promise.all([silent.closed, half.closed])
}, 10_000)

test('a port that is taken is said', async () => {
  const database = await openNotes()
  const server = await serve(database)
  const port = Number(new URL(server.url).port)
  await expect(createAutomergeRepoServer({ database, port })).rejects.toMatchObject({
    code: 'ERR_REPO_LISTEN',
  })
  expect(() => followAutomergeRepo({ database, url: 'http://127.0.0.1' })).toThrow(SyntaxError)
})
