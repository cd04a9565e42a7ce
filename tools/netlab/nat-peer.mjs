/**
 * One program of the NAT lab: `node nat-peer.mjs <stack> <role> [name=value ...]`.
 *
 * The role `public` is what the stack needs on a machine that all reach: a relay, nodes of a
 * DHT, or nothing. It takes `host=<address>`, several times. The role `peer` joins a topic over
 * our transport: `topic=<hex>`, `bootstrap=<address>` and `relay=<address>` as the public host
 * told them, `announce=<address>` for what only the router's owner knows, and `timeout=<ms>`
 * for a dial.
 *
 * Both print a JSON object per line. A peer waits for a line on its input before it joins:
 * `{"records": [...]}`, the peer records that a discovery would have brought, and `"dial"`, the
 * address of a peer to dial besides. It leaves when its input ends.
 */
import { Buffer } from 'node:buffer'
import { createRequire } from 'node:module'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setInterval } from 'node:timers'

const [stack = '', role = '', ...words] = process.argv.slice(2)

/** Milliseconds between two looks at the path of a connection, and two messages on it. */
const lookMs = 50

/** A package of the workspace, by its file: tools depend on no package. */
function load(name) {
  return import(new URL(`../../packages/${name}`, import.meta.url).href)
}

function tell(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

/** All values that were given as `name=value`. */
function valuesOf(name) {
  const start = `${name}=`
  return words.filter((word) => word.startsWith(start)).map((word) => word.slice(start.length))
}

const publicHosts = {
  tcp: startNothing,
  libp2p: startLibp2p,
  iroh: startIroh,
  hyperswarm: startDht,
}

/** Each gives a transport's factory, and whether somebody has to bring the other's record. */
const transports = {
  tcp: async () => {
    const { tcp } = await load('transport-tcp/src/index.ts')
    const announced = valuesOf('announce')
    return tcp(announced.length > 0 ? { announceAddresses: announced } : {})
  },
  libp2p: async () => {
    const { libp2p } = await load('transport-libp2p/src/index.ts')
    const announced = valuesOf('announce')
    return libp2p({
      relays: valuesOf('relay'),
      enableNatTraversal: true,
      ...(announced.length > 0 ? { announceAddresses: announced } : {}),
    })
  },
  iroh: async () => {
    const { iroh } = await load('transport-iroh/src/index.ts')
    return iroh({ relays: valuesOf('relay') })
  },
  hyperswarm: async () => {
    const { hyperswarm } = await load('transport-hyperswarm/src/index.ts')
    return hyperswarm()
  },
}

function startNothing() {
  return {}
}

/** A node that relays and is the first of a DHT. */
async function startLibp2p([host]) {
  const { libp2p } = await load('transport-libp2p/src/index.ts')
  const { context, seed } = await createContext({ bindAddress: host, port: 4001 })
  const node = libp2p({ relayService: true, enableDht: true })(context)
  await node.listen()
  const require = createRequire(
    new URL('../../packages/transport-libp2p/package.json', import.meta.url),
  )
  const { generateKeyPairFromSeed } = await import(require.resolve('@libp2p/crypto/keys'))
  const { peerIdFromPrivateKey } = await import(require.resolve('@libp2p/peer-id'))
  const id = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', seed))
  const address = `libp2p:///ip4/${host}/tcp/4001/p2p/${id}`
  return { bootstrap: [address], relay: [address] }
}

async function startIroh([host]) {
  const { startRelay } = await load('transport-iroh/test/relay-server.ts')
  const { url } = await startRelay()
  return { relay: [url.replace('127.0.0.1', host)] }
}

/** One node on each address; each knows all before it. */
async function startDht(hosts) {
  const { startBootstrap } = await load('transport-hyperswarm/src/bootstrap.ts')
  const bootstrap = []
  for (const host of hosts) {
    // One after the other, because each joins by those before.
    // oxlint-disable-next-line no-await-in-loop
    const { address } = await startBootstrap({ host, port: 49_737, bootstrapNodes: [...bootstrap] })
    bootstrap.push(address)
  }
  return { bootstrap }
}

async function createContext(config, discoveries = []) {
  const { createNodeKey } = await load('identity/src/index.ts')
  const { createTransportContext } = await load('secure-channel/src/index.ts')
  const { parseTransportConfig } = await load('transport/src/index.ts')
  const seed = crypto.getRandomValues(new Uint8Array(32))
  const key = createNodeKey(seed.slice())
  const settings = parseTransportConfig(config)
  return { seed, context: { ...createTransportContext(key, { discoveries }), settings } }
}

/** A discovery that knows what it was told. */
function createToldDiscovery() {
  const records = []
  return {
    name: 'told',
    records,
    announce: async () => undefined,
    withdraw: async () => undefined,
    lookup: async () => records,
    async *watch(_topic, { signal } = {}) {
      yield* records
      if (!signal || signal.aborted) return
      await new Promise((resolve) => void signal.addEventListener('abort', resolve))
    },
    close: async () => undefined,
  }
}

/** Everything that happens on one connection, until it ends. */
async function serve(connection, sinceStart) {
  let { relayed } = connection.path
  const look = setInterval(() => {
    if (connection.path.relayed === relayed) return
    relayed = connection.path.relayed
    tell({ event: 'path', ms: sinceStart(), relayed, address: connection.path.address })
  }, lookMs)
  const speak = setInterval(() => void connection.send(hello).catch(() => undefined), 10 * lookMs)
  try {
    await connection.send(hello)
    let isFirst = true
    for await (const _message of connection) {
      const { address, outbound } = connection.path
      if (isFirst) tell({ event: 'message', ms: sinceStart(), relayed, address, outbound })
      isFirst = false
    }
  } catch (error) {
    tell({ event: 'error', ms: sinceStart(), code: error.code, message: error.message })
  } finally {
    clearInterval(look)
    clearInterval(speak)
    const { clean, error } = await connection.closed
    tell({ event: 'closed', ms: sinceStart(), relayed, clean, code: error?.code })
  }
}

const hello = new TextEncoder().encode('hello')

/** Dials until it has worked once. The connection shows up under the topic. */
async function dial(transport, { address, signal, sinceStart }) {
  while (!signal.aborted) {
    try {
      // oxlint-disable-next-line no-await-in-loop
      await transport.dial(address, { signal })
      return
    } catch (error) {
      tell({ event: 'dial-error', ms: sinceStart(), code: error.code, message: error.message })
      // Nobody says when the other can be found, so we have to try again.
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => void setTimeout(resolve, 10 * lookMs))
    }
  }
}

async function runPeer() {
  const told = createToldDiscovery()
  const isFindingAlone = stack === 'libp2p' || stack === 'hyperswarm'
  const [timeout] = valuesOf('timeout')
  const { context } = await createContext(
    {
      bootstrapNodes: valuesOf('bootstrap'),
      ...(timeout === undefined ? {} : { dialTimeoutMs: Number(timeout) }),
    },
    isFindingAlone ? [] : [told],
  )
  const factory = await transports[stack]()
  const transport = factory(context)
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  await transport.listen()
  const { addresses } = transport
  const record = Buffer.from(context.signRecord(addresses).bytes).toString('hex')
  tell({ event: 'ready', peerId: context.peerId, addresses, record })
  const { value: line } = await lines.next()
  const go = JSON.parse(line ?? '{}')
  const { decodePeerRecord } = await load('identity/src/index.ts')
  for (const one of go.records ?? []) {
    told.records.push(decodePeerRecord(Buffer.from(one, 'hex'), Date.now()))
  }
  const startMs = performance.now()
  const sinceStart = () => Math.round(performance.now() - startMs)
  const leaving = new AbortController()
  void lines.next().then(() => leaving.abort())
  const { signal } = leaving
  if (go.dial !== undefined) void dial(transport, { address: go.dial, signal, sinceStart })
  const topic = Buffer.from(valuesOf('topic')[0] ?? '', 'hex')
  for await (const connection of transport.connect(topic, { signal })) {
    void serve(connection, sinceStart)
  }
  await transport.disconnect()
  tell({ event: 'left' })
}

if (!Object.hasOwn(transports, stack) || (role !== 'public' && role !== 'peer')) {
  console.error(`usage: nat-peer.mjs <${Object.keys(transports).join(' | ')}> <public | peer> ...`)
  process.exit(2)
}
if (role === 'public') {
  tell({ event: 'ready', ...(await publicHosts[stack](valuesOf('host'))) })
  // Until the input ends: then everything that it started ends with it.
  for await (const _line of createInterface({ input: process.stdin }));
  process.exit(0)
}
await runPeer()
process.exit(0)
