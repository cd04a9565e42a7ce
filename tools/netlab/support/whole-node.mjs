/**
 * One program of the scenarios with whole nodes: `node whole-node.mjs <role> '<json>'`.
 *
 * The role `public` is what all reach: our relay and a DHT; its JSON is `{"hosts", "relayPort"}`.
 * The role `node` is a node of `createP2P`; its JSON is `{"transports", "relays", "bootstrap",
 * "announce", "database"}`. With the peer it finds it opens one channel and sends numbered
 * messages over it, each with the time of sending; what comes in is counted and timed.
 *
 * Both print a JSON object per line and take orders as lines of their input, `{"do": …}`:
 *
 *   start     joins the network and begins to send
 *   write     puts a document, `{"path", "value"}`
 *   bulk      sends `{"mebibytes"}` on a channel of low urgency, and tells when the peer has all of it
 *   mark      tells what was counted since the mark before
 *   finish    ends the numbered messages; both ends tell what they have counted
 *
 * They leave when their input ends.
 */
import process from 'node:process'
import { createInterface } from 'node:readline'
import { load } from './stacks.mjs'

/** Milliseconds between two numbered messages. */
const everyMs = 50
const numbersProtocol = '/netlab/numbers/1'
const bulkProtocol = '/netlab/bulk/1'
const bulkMessageBytes = 65_536

const [role, json] = process.argv.slice(2)
const told = JSON.parse(json)
const lines = createInterface({ input: process.stdin })
const left = new Promise((resolve) => void lines.on('close', resolve))
if (role === 'public') await startPublic()
else await runNode()
await left
process.exit(0)

function tell(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

/** Milliseconds of the clock that all processes of a machine share. */
function sharedMs() {
  return Number(process.hrtime.bigint()) / 1e6
}

async function startPublic() {
  const [host] = told.hosts
  const { startRelay } = await import(
    new URL('../../../apps/relay/src/index.ts', import.meta.url).href
  )
  const relay = await startRelay({
    host,
    port: told.relayPort,
    names: [`${host}:${told.relayPort}`],
  })
  const { startBootstrap } = await load('transport-hyperswarm/src/bootstrap.ts')
  const bootstrap = []
  for (const one of told.hosts) {
    // One after the other, because each joins by those before.
    // oxlint-disable-next-line no-await-in-loop
    const node = await startBootstrap({ host: one, port: 49_737, bootstrapNodes: [...bootstrap] })
    bootstrap.push(node.address)
  }
  tell({ event: 'ready', relays: [`ws://${host}:${relay.port}`], bootstrap })
}

async function runNode() {
  const { createP2P } = await load('p2p/src/index.ts')
  const node = await createP2P({
    storage: 'memory',
    database: told.database,
    discovery: { enableMdns: false },
    transports: await Promise.all(told.transports.map(factoryOf)),
    bootstrapNodes: told.transports.includes('hyperswarm') ? told.bootstrap : [],
  })
  const lab = createFlow(node)
  let chain = Promise.resolve()
  lines.on('line', (line) => {
    // One after the other; `bulk` alone goes on beside the rest.
    chain = chain.then(() => obey(node, lab, JSON.parse(line))).catch(fail)
  })
  lines.on('close', () => void node.stop().catch(() => undefined))
  tell({ event: 'ready', peerId: node.peerId, ticket: node.ticket })
}

function fail(error) {
  console.error(error)
  process.exit(1)
}

async function factoryOf(name) {
  if (name === 'relay') {
    const { relay } = await load('transport-relay/src/index.ts')
    return relay({ urls: told.relays })
  }
  if (name === 'tcp') {
    const { tcp } = await load('transport-tcp/src/index.ts')
    return tcp(told.announce.length > 0 ? { announceAddresses: told.announce } : {})
  }
  const { hyperswarm } = await load('transport-hyperswarm/src/index.ts')
  return hyperswarm()
}

async function obey(node, lab, order) {
  if (order.do === 'start') {
    lab.begin()
    await node.start()
  } else if (order.do === 'write') await node.writeDoc(order.path, order.value)
  else if (order.do === 'bulk') void lab.bulk(order.mebibytes).catch(fail)
  else if (order.do === 'mark') lab.mark()
  else if (order.do === 'finish') await lab.finish()
}

/** The messages of one node, both ways, and what it hears of its session. */
function createFlow(node) {
  let startMs = 0
  const sinceStart = () => Math.round(sharedMs() - startMs)
  let out
  let sent = 0
  let timer
  const inbox = createInbox(sinceStart)

  const send = () => {
    const message = new DataView(new ArrayBuffer(12))
    message.setUint32(0, sent++)
    message.setFloat64(4, sharedMs())
    out.send(new Uint8Array(message.buffer)).catch(onBroken)
  }
  const onBroken = ({ code }) => {
    clearInterval(timer)
    tell({ event: 'broken', ms: sinceStart(), code })
  }

  node.handle(numbersProtocol, async (channel) => {
    try {
      for await (const message of channel) inbox.take(message)
      await channel.close()
      tell({ event: 'received', ms: sinceStart(), ...inbox.counts() })
    } catch (error) {
      onBroken(error)
    }
  })
  node.handle(bulkProtocol, async (channel) => {
    for await (const _ of channel);
    await channel.close()
  })
  node.events.on('database:shared', ({ session }) => {
    // One channel for the whole life of the lab: a second session cannot carry it on.
    if (out !== undefined) return
    out = node.openChannel(session.peerId, numbersProtocol, { priority: 'critical' })
    timer = setInterval(send, everyMs)
    send()
  })
  followPaths(node, sinceStart)
  node.events.on('document:changed', ({ path, origin }) => {
    const isOurs = origin === 'local'
    tell({ event: 'document', ms: sinceStart(), path, isOurs })
  })

  return {
    begin: () => void (startMs = sharedMs()),
    mark: () => tell({ event: 'mark', ms: sinceStart(), ...inbox.mark() }),
    async finish() {
      clearInterval(timer)
      await out?.close()
      tell({ event: 'sent', ms: sinceStart(), sent })
    },
    async bulk(mebibytes) {
      const channel = node.openChannel(out.session.peerId, bulkProtocol, { priority: 'low' })
      const message = new Uint8Array(bulkMessageBytes)
      const count = Math.ceil((mebibytes * 1_048_576) / bulkMessageBytes)
      // oxlint-disable-next-line no-await-in-loop
      for (let i = 0; i < count; i++) await channel.send(message)
      await channel.close()
      tell({ event: 'bulk', ms: sinceStart() })
    },
  }
}

/** Tells how the session is reached, whenever that changes, and what becomes of it. */
function followPaths(node, sinceStart) {
  let last = ''
  const look = ({ session }) => {
    const { path } = session
    if (path === undefined) return
    const now = { transport: path.transport, relayed: path.relayed, address: path.address }
    if (last === JSON.stringify(now)) return
    last = JSON.stringify(now)
    tell({ event: 'path', ms: sinceStart(), ...now })
  }
  for (const type of ['path:added', 'path:changed', 'session:started', 'session:resumed']) {
    node.events.on(type, look)
  }
  for (const type of [
    'session:started',
    'session:interrupted',
    'session:silent',
    'session:ended',
  ]) {
    node.events.on(type, ({ session, error }) => {
      tell({ event: type, ms: sinceStart(), session: session.id.slice(0, 8), code: error?.code })
    })
  }
  node.events.on('path:removed', ({ path }) => {
    tell({ event: 'path:removed', ms: sinceStart(), transport: path.path.transport })
  })
  for (const type of ['peer:refused', 'search:failed', 'dial:ended']) {
    node.events.on(type, ({ error, name, target, code }) => {
      if (error === undefined && code === undefined) return
      const why = `${code ?? error?.code} ${error?.message ?? ''}`.slice(0, 120)
      tell({ event: type, ms: sinceStart(), what: name ?? target, why })
    })
  }
  node.events.on('surroundings:changed', ({ change }) => {
    tell({ event: 'surroundings', ms: sinceStart(), change })
  })
}

/** Counts what comes in: whether each number comes once, in order, and after how long a silence. */
function createInbox(sinceStart) {
  let next = 0
  let late = 0
  let doubled = 0
  let lost = 0
  let lastMs
  let marked = { silenceMs: 0, delays: [] }
  const whole = { silenceMs: 0, silenceAtMs: 0 }
  return {
    take(message) {
      const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
      const [number, nowMs] = [view.getUint32(0), sharedMs()]
      if (next === 0) tell({ event: 'message', ms: sinceStart() })
      if (number < next) doubled++
      else if (number > next) lost += number - next
      next = Math.max(next, number + 1)
      late = Math.max(late, nowMs - view.getFloat64(4))
      const silenceMs = lastMs === undefined ? 0 : nowMs - lastMs
      lastMs = nowMs
      marked.silenceMs = Math.max(marked.silenceMs, silenceMs)
      marked.delays.push(nowMs - view.getFloat64(4))
      if (silenceMs <= whole.silenceMs) return
      Object.assign(whole, { silenceMs, silenceAtMs: sinceStart() })
    },
    /** What came out of order shows as lost, and again as doubled. */
    counts: () => ({
      received: next - lost,
      lost,
      doubled,
      silenceMs: Math.round(whole.silenceMs),
      silenceAtMs: whole.silenceAtMs,
      lateMs: Math.round(late),
    }),
    mark() {
      const delays = marked.delays.toSorted((a, b) => a - b)
      const at = (share) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))]
      const sinceLast = lastMs === undefined ? 0 : sharedMs() - lastMs
      const silenceMs = Math.round(Math.max(marked.silenceMs, sinceLast))
      marked = { silenceMs: 0, delays: [] }
      return { count: delays.length, silenceMs, medianMs: at(0.5), p99Ms: at(0.99) }
    },
  }
}
