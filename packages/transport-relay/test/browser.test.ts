import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { startRelay, type Relay } from '@vudo/relay'
import { connectBrowserSocket } from '../src/browser-socket.ts'
import { createRelayFactory } from '../src/relay-transport.ts'
import type { RelaySocket } from '../src/socket.ts'
import { createNode, meet, type TestNode } from './nodes.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

/** What a file imports, and what its own files import in turn. */
function importsOf(file: URL, seen: Set<string> = new Set()): Set<string> {
  const text = readFileSync(file, 'utf8')
  for (const [, specifier = ''] of text.matchAll(/(?:from|import\() ?'([^']+)'/g)) {
    if (seen.has(specifier)) continue
    seen.add(specifier)
    const own = new URL(specifier, file)
    if (specifier.startsWith('.') && existsSync(fileURLToPath(own))) importsOf(own, seen)
  }
  return seen
}

describe('in a browser', () => {
  it('neither ws nor anything of Node is imported', () => {
    const imported = importsOf(new URL('../src/index.browser.ts', import.meta.url))
    expect([...imported].filter((name) => name === 'ws' || name.startsWith('node:'))).toEqual([])
    expect(importsOf(new URL('../src/index.ts', import.meta.url))).toContain('ws')
  })

  // Node has the same WebSocket as browsers, as a global.
  it('nodes meet, send, and are held back', async () => {
    const relay: Relay = await startRelay({
      limits: { bytesPerSecond: 2 ** 30, bytesPerSecondPerAddress: 2 ** 30 },
    })
    open.push(() => relay.close())
    const factory = createRelayFactory({ urls: [relay.url] }, connectBrowserSocket)
    const nodes: TestNode[] = [createNode(factory), createNode(factory)]
    for (const { transport } of nodes) open.push(() => transport.disconnect())
    const [a, b] = nodes
    if (!a || !b) throw new Error('there are two')
    const [ab, ba] = await meet(a, b)
    const sent = (async () => {
      for (let n = 0; n < 40; n++) await ab.send(new Uint8Array(200_000).fill(n))
    })()
    for (let n = 0; n < 40; n++) {
      const message = await ba.receive()
      expect([message?.length, message?.[0], message?.at(-1)]).toEqual([200_000, n, n])
    }
    await sent
    await relay.close()
    expect((await ab.closed).clean).toBe(false)
  })

  it('a relay that does not answer the close is left all the same, and heard no more', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    open.push(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const connected = once(server, 'connection') as Promise<[WebSocket]>
    const opened = Promise.withResolvers<RelaySocket>()
    let heard = 0
    const { signal } = new AbortController()
    const events = {
      onOpen: opened.resolve,
      onMessage: () => (heard += 1),
      onRoom: () => undefined,
    }
    const ended = connectBrowserSocket(new URL(`ws://127.0.0.1:${port}`), events, { signal })
    const [[far], near] = await Promise.all([connected, opened.promise])
    open.push(() => far.terminate())
    // It reads nothing, so it does not answer.
    far.pause()
    near.close()
    expect(await ended).toBe(1_006)
    await new Promise<void>((resolve) => far.send(Uint8Array.of(1), () => resolve()))
    far.terminate()
    expect(heard).toBe(0)
  })

  it('a relay that is not there is an error, and an attempt can be given up', async () => {
    const events = { onOpen: () => undefined, onMessage: () => undefined, onRoom: () => undefined }
    const { signal } = new AbortController()
    const url = new URL('ws://127.0.0.1:9')
    await expect(connectBrowserSocket(url, events, { signal })).rejects.toThrow('closed with')
    const early = { signal: AbortSignal.abort(new Error('enough')) }
    await expect(connectBrowserSocket(url, events, early)).rejects.toThrow('enough')
  })
})
