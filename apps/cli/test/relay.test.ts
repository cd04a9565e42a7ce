/** Whole nodes over relays that end under load: what was acknowledged is there, and they agree. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { createP2P, type P2P } from '@vudo/p2p'
import { connectNats, startRelay, type Relay, type RelayInit } from '@vudo/relay'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start(init: RelayInit = {}): Promise<Relay> {
  const relay = await startRelay({ ...init, limits: { drainMs: 200 } })
  open.push(() => relay.close())
  return relay
}

async function node(relayUrl: string, database?: string): Promise<P2P> {
  const p2p = await createP2P({
    storage: 'memory',
    transports: ['relay'],
    relayUrl,
    database,
    discovery: { enableMdns: false },
  })
  open.push(() => p2p.stop())
  await p2p.start()
  return p2p
}

/** Writes documents until told to stop; gives how many were written, all of them acknowledged. */
function writing(p2p: P2P, name: string): () => Promise<number> {
  const state = { isOver: false }
  const done = (async () => {
    let n = 0
    for (; !state.isOver; n++) {
      await p2p.writeDoc(`${name}/${n}`, { n })
      await sleep(10)
    }
    return n
  })()
  return () => {
    state.isOver = true
    return done
  }
}

async function expectAll(p2p: P2P, name: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await expect.poll(() => p2p.readDoc(`${name}/${n}`), { timeout: 30_000 }).toEqual({ n })
  }
}

it('nodes lose nothing when their relay is restarted under load', { timeout: 60_000 }, async () => {
  const first = await start()
  const a = await node(first.url)
  const b = await node(first.url, a.ticket)
  await expect.poll(() => a.isPeerConnected(b.peerId), { timeout: 20_000 }).toBe(true)
  const stops = [writing(a, 'a'), writing(b, 'b')]
  await expectAll(b, 'a', 5)
  await first.drain()
  await start({ port: first.port })
  await sleep(300)
  const [fromA = 0, fromB = 0] = await Promise.all(stops.map((stop) => stop()))
  await Promise.all([expectAll(b, 'a', fromA), expectAll(a, 'b', fromB)])
})

const nats = process.env['NATS_SERVER'] ?? 'nats-server'
const hasNats = spawnSync(nats, ['--version'], { stdio: 'ignore' }).status === 0
if (!hasNats) console.log('skipped: there is no nats-server on this machine')

it.skipIf(!hasNats)('and when NATS dies between their relays', { timeout: 60_000 }, async () => {
  const port = await freePort()
  const server = { child: await startNats(port) }
  open.push(() => server.child.kill('SIGKILL'))
  const connectBackPlane: RelayInit['connectBackPlane'] = (events) =>
    connectNats(`nats://127.0.0.1:${port}`, events)
  const [one, two] = [await start({ connectBackPlane }), await start({ connectBackPlane })]
  const a = await node(one.url)
  const b = await node(two.url, a.ticket)
  // Found by the topic, though each relay goes by another address: the relays share their members.
  await expect.poll(() => a.isPeerConnected(b.peerId), { timeout: 20_000 }).toBe(true)
  const stops = [writing(a, 'a'), writing(b, 'b')]
  await expectAll(b, 'a', 5)
  const exited = once(server.child, 'exit')
  server.child.kill('SIGKILL')
  await exited
  await sleep(500)
  server.child = await startNats(port)
  await sleep(300)
  const [fromA = 0, fromB = 0] = await Promise.all(stops.map((stop) => stop()))
  await Promise.all([expectAll(b, 'a', fromA), expectAll(a, 'b', fromB)])
  expect(one.counts.gaps).toBeGreaterThan(0)
})

async function startNats(port: number): Promise<ChildProcess> {
  const child = spawn(nats, ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  while (!(await answers(port))) await sleep(20)
  return child
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
