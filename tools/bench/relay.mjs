/**
 * What our relay costs beside the least that forwards by key, each in a process of its own on
 * loopback:
 *
 *   cpuPerMessage         CPU of the server per message of 1 KiB, ours to bare
 *   kibPerIdleConnection  memory of a client that is connected and has joined a topic
 *   natsBurst             messages per second over two relays and NATS, to those over one relay
 *   floodP99              p99 of a message of others while a client sends 100 Mbit/s, to that without
 *   natsBurstCpu          CPU of all processes per message in that, one relay to two: on two cores, which
 *                         both bursts use up, the bound of natsBurst. Linux only.
 *   honestMs              how long a client takes to get in beside 2,000 half-open upgrades
 *
 * `--only flood` or `--only nats` measures that alone. Ours proves keys, checks topics, counts queues and rates; bare does not.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connectClient, connectPairs, pump } from './support/relay-clients.mjs'
import { startServer } from './support/relay-process.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '40000' },
    idle: { type: 'string', default: '5000' },
    only: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const load = { messages: Number(values.messages), bytes: 1_024, window: 32 }
const pairCount = 20

const isWanted = (part) => values.only === undefined || values.only === part
const cpu = { ours: [], bare: [] }
for (let turn = 0; turn < rounds && isWanted('cpu'); turn++) {
  // In turns, and each first every other time.
  const order = turn % 2 === 0 ? ['ours', 'bare'] : ['bare', 'ours']
  for (const kind of order) cpu[kind].push(await cpuPerMessage(kind))
}
const isIdleWanted = isWanted('idle')
const idle = isIdleWanted ? { ours: await idleKiB('ours'), bare: await idleKiB('bare') } : {}
const honestMs = isWanted('honest') ? await honestUnderAttack() : undefined
const flood = { quietMs: [], loudMs: [], ratios: [] }
for (let turn = 0; turn < rounds && isWanted('flood'); turn++) await measureFlood()
const nats = process.env.NATS_SERVER ?? 'nats-server'
const hasNats = isWanted('nats') && spawnSync(nats, ['--version'], { stdio: 'ignore' }).status === 0
const bursts = { one: [], two: [] }
if (hasNats) {
  for (let turn = 0; turn < rounds; turn++) await measureBursts(turn)
}
const speed = (kind) => median(bursts[kind].map(({ perSecond }) => perSecond))
const burstCpu = (kind) => median(bursts[kind].map(({ cpuMicroseconds }) => cpuMicroseconds))

const ours = {
  cpuMicrosecondsPerMessage: rounded(median(cpu.ours)),
  kibPerIdleConnection: rounded(idle.ours),
  honestMs: rounded(honestMs),
  p99Ms: rounded(median(flood.quietMs)),
  floodP99Ms: rounded(median(flood.loudMs)),
  burstPerSecond: rounded(speed('one')),
  natsBurstPerSecond: rounded(speed('two')),
  burstCpuMicroseconds: rounded(burstCpu('one')),
  natsBurstCpuMicroseconds: rounded(burstCpu('two')),
}
const bare = {
  cpuMicrosecondsPerMessage: rounded(median(cpu.bare)),
  kibPerIdleConnection: rounded(idle.bare),
}
console.log(
  `relay, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${rounds} rounds`,
)
console.table({ ours, bare })
if (isWanted('nats') && !hasNats)
  console.log('natsBurst skipped: there is no nats-server (or set NATS_SERVER)')
console.log(
  JSON.stringify({
    bench: 'relay',
    ours,
    peers: { bare },
    ratios: {
      cpuPerMessage: rounded(median(cpu.ours) / median(cpu.bare)),
      floodP99: rounded(median(flood.ratios)),
      natsBurst: rounded(speed('two') / speed('one')),
      natsBurstCpu: rounded(burstCpu('one') / burstCpu('two')),
    },
  }),
)

async function cpuPerMessage(kind) {
  const server = await startServer(`relay-${kind}`)
  const pairs = await connectPairs(kind, pairCount, [server.url])
  await pump(pairs, { ...load, messages: load.messages / 4 })
  const before = await server.ask()
  await pump(pairs, load)
  const after = await server.ask()
  await end(pairs)
  await server.stop()
  return ((after.cpuMs - before.cpuMs) * 1_000) / load.messages
}

async function idleKiB(kind) {
  const server = await startServer(`relay-${kind}`)
  const count = Number(values.idle)
  const clients = []
  // What the first ones need once is nobody's share.
  for (let i = 0; i < 100; i++) clients.push(await idleClient(kind, server.url))
  const before = await server.askRested()
  while (clients.length < count + 100) {
    const some = Array.from({ length: 100 }, () => idleClient(kind, server.url))
    clients.push(...(await Promise.all(some)))
  }
  const after = await server.askRested()
  for (const { socket } of clients) socket.terminate()
  await server.stop()
  return (after.rssKiB - before.rssKiB) / count
}

function idleClient(kind, url) {
  return connectClient(kind, url, { topic: randomBytes(32) })
}

async function honestUnderAttack() {
  const server = await startServer('relay-ours')
  const { port } = new URL(server.url)
  const head =
    'GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
  const silent = Array.from({ length: 2_000 }, () => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(head))
    socket.on('error', () => {})
    return socket
  })
  await Promise.all(silent.slice(0, 1_000).map((socket) => once(socket, 'connect')))
  const begin = performance.now()
  const { socket } = await connectClient('ours', server.url, { topic: randomBytes(32) })
  const tookMs = performance.now() - begin
  socket.terminate()
  for (const one of silent) one.destroy()
  await server.stop()
  return tookMs
}

async function measureFlood() {
  const server = await startServer('relay-ours', 'limited')
  const [pair] = await connectPairs('ours', 1, [server.url])
  await messageTimes(pair, 200)
  const quietMs = await messageTimes(pair, 1_000)
  const flooder = await startServer('relay-flooder', server.url)
  // Past its first second, which it may send at once.
  await sleep(1_500)
  const loudMs = await messageTimes(pair, 1_000)
  await flooder.stop()
  await end([pair])
  await server.stop()
  flood.quietMs.push(quietMs)
  flood.loudMs.push(loudMs)
  flood.ratios.push(loudMs / quietMs)
  console.log(`flood: ${rounded(quietMs)} ms, ${rounded(loudMs)} ms`)
}

/** The 99th percentile of the time that `count` messages of 64 bytes take, in milliseconds. */
async function messageTimes(pair, count) {
  const took = []
  for (let i = 0; i < count; i++) {
    const begin = performance.now()
    const arrived = new Promise((resolve) => {
      pair.onPayload = resolve
    })
    pair.near.send(pair.far.id, new Uint8Array(64))
    await arrived
    took.push(performance.now() - begin)
    await sleep(2)
  }
  return took.toSorted((a, b) => a - b)[Math.floor(count * 0.99)]
}

async function measureBursts(turn) {
  const port = await freePort()
  const args = ['-a', '127.0.0.1', '-p', String(port)]
  const broker = spawn(nats, args, { stdio: 'ignore' })
  while (!(await answers(port))) await sleep(20)
  const url = `nats://127.0.0.1:${port}`
  const near = await startServer('relay-ours', url)
  const far = await startServer('relay-ours', url)
  const alone = await startServer('relay-ours')
  const two = async () => bursts.two.push(await burst([near, far], broker.pid))
  const one = async () => bursts.one.push(await burst([alone]))
  for (const measure of turn % 2 === 0 ? [two, one] : [one, two]) await measure()
  for (const server of [near, far, alone]) await server.stop()
  broker.kill('SIGKILL')
  await once(broker, 'exit')
}

/** The bench itself is sender and receiver of all pairs. */
async function burst(relays, brokerPid) {
  const pairs = await connectPairs(
    'ours',
    pairCount,
    relays.map(({ url }) => url),
  )
  await pump(pairs, { ...load, messages: load.messages / 4 })
  const usedMs = async () => {
    const usages = await Promise.all(relays.map(({ ask }) => ask()))
    const { user, system } = process.cpuUsage()
    const relayMs = usages.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
    return relayMs + (user + system) / 1_000 + (brokerPid ? cpuMsOf(brokerPid) : 0)
  }
  const beforeMs = await usedMs()
  const begin = performance.now()
  await pump(pairs, load)
  const perSecond = load.messages / ((performance.now() - begin) / 1_000)
  const cpuMicroseconds = (((await usedMs()) - beforeMs) * 1_000) / load.messages
  await end(pairs)
  return { perSecond, cpuMicroseconds }
}

/** CPU of any process, from the kernel, which counts in hundredths of a second. */
function cpuMsOf(pid) {
  if (process.platform !== 'linux') return Number.NaN
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function end(pairs) {
  for (const { near, far } of pairs) {
    near.socket.terminate()
    far.socket.terminate()
  }
  await sleep(50)
}

async function answers(port) {
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

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** NaN, which JSON shows as null, where nothing was measured. */
function median(numbers) {
  if (numbers.length === 0) return Number.NaN
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
}

/** More than three digits would be noise. */
function rounded(value = Number.NaN) {
  return Number(value.toPrecision(3))
}
