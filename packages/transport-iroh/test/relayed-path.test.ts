import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseIrohAddress } from '@vudo/transport-iroh'
import { isIsolated } from './namespace.ts'
import { createNode } from './nodes.ts'
import { startRelay, type Relay } from './relay-server.ts'

const program = fileURLToPath(new URL('relayed-peer.ts', import.meta.url))

/** A process whose network has one cable, to ours. */
interface Remote {
  /** Where it sees us. */
  readonly host: string
  /** Starts the peer with these arguments. */
  start(args: readonly string[]): void
  /** The next thing that it tells. */
  next(): Promise<Record<string, unknown>>
  kill(): Promise<void>
}

async function createRemote(number: number): Promise<Remote> {
  const net = `10.77.${number}`
  const route = `ip addr add ${net}.2/24 dev far && ip route add default via ${net}.1`
  const setUp = `read -r command && ip link set lo up && ip link set far up && ${route}`
  const script = `echo '{}'; ${setUp} && eval "exec $command"`
  const child: ChildProcess = spawn('unshare', ['--net', 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const next = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('the peer has ended')
    return JSON.parse(value) as Record<string, unknown>
  }
  // It has its own network now, and can be given the other end of the cable.
  await next()
  const near = `near${number}`
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', 'far', 'netns', String(child.pid))
  ip('addr', 'add', `${net}.1/24`, 'dev', near)
  ip('link', 'set', near, 'up')
  return {
    host: `${net}.1`,
    next,
    start: (args) =>
      void child.stdin!.write(`${[process.execPath, program, ...args].map(quote).join(' ')}\n`),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    },
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('sh', ['-c', `ip ${args.join(' ')}`])
}

function quote(word: string): string {
  return `'${word}'`
}

describe.runIf(isIsolated)('a relay of our own', () => {
  let relay: Relay

  beforeEach(async () => {
    relay = await startRelay()
  })

  afterEach(() => relay.close())

  it('carries a connection between networks that reach only the relay', async () => {
    const [waiting, dialling] = [await createRemote(1), await createRemote(2)]
    try {
      const urlAt = ({ host }: Remote): string => relay.url.replace('127.0.0.1', host)
      waiting.start([urlAt(waiting)])
      const { addresses } = await waiting.next()
      const [first = ''] = addresses as string[]
      const there = parseIrohAddress(first)
      expect(there.relay).toContain(waiting.host)
      expect(there.direct[0]).toMatch(/^10\.77\.1\.2:/)
      // The relay has another address in the other network; the peer's own one is of no use there.
      const address = `iroh://${there.peerId}?addr=${there.direct[0]}&relay=${urlAt(dialling)}`
      dialling.start([urlAt(dialling), address])
      await dialling.next()
      expect(await dialling.next()).toMatchObject({
        relayed: true,
        way: expect.stringContaining(`relay=http://${dialling.host}`),
        heard: 'pong',
        peerId: there.peerId,
      })
      expect(await waiting.next()).toMatchObject({ relayed: true, heard: 'ping' })
      expect(relay.forwarded).toBeGreaterThan(0)
    } finally {
      await Promise.all([waiting.kill(), dialling.kill()])
    }
  }, 60_000)

  it('brings peers together that find a direct path then', async () => {
    const nodes = [1, 2].map(() => createNode({}, { relays: [relay.url] }))
    const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
    try {
      await b.listen()
      const [first = ''] = b.addresses
      const { peerId, relay: home } = parseIrohAddress(first)
      // By its key alone: it waits at the relay that both of them use.
      const connection = await a.dial(`iroh://${peerId}`)
      expect(home).toContain(relay.url)
      expect(relay.forwarded).toBeGreaterThan(0)
      await expect.poll(() => connection.path.relayed, { timeout: 20_000 }).toBe(false)
      expect(connection.path.address).toContain(`iroh://${peerId}?addr=`)
    } finally {
      await Promise.all(nodes.map((node) => node.disconnect()))
    }
  }, 60_000)
})
