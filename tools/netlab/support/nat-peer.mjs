/**
 * One program of the scenario `nat-pairs`: `node nat-peer.mjs <role> <stack> '<json>'`.
 *
 * The role `public` is what the stack needs on machines that all reach: a relay, nodes of a
 * DHT, or nothing; its JSON is `{"hosts"}`. The role `peer` joins a topic over our transport;
 * its JSON is `{"topic", "bootstrap", "relay", "announce"}`.
 *
 * Both print a JSON object per line. A peer waits for a line on its input before it joins:
 * `{"records"}`, the peer records that a discovery would have brought. Both leave when their
 * input ends.
 */
import { Buffer } from 'node:buffer'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setInterval } from 'node:timers'
import { createContext, load, stacks } from './stacks.mjs'

/** Milliseconds between two looks at the path of a connection, and between two messages on it. */
const lookMs = 50
const speakMs = 500
const hello = new TextEncoder().encode('hello')

const [role, stackName, json] = process.argv.slice(2)
const stack = stacks[stackName]
const told = JSON.parse(json)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
if (role === 'public') {
  tell({ event: 'ready', ...(await stack.startPublic(told.hosts)) })
  await lines.next()
} else {
  await runPeer()
}
process.exit(0)

function tell(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

async function runPeer() {
  const discovery = createToldDiscovery()
  const { bootstrap: bootstrapNodes = [] } = told
  const context = await createContext({ bootstrapNodes }, stack.needsRecords ? [discovery] : [])
  const factory = await stack.createFactory(told)
  const transport = factory(context)
  await transport.listen()
  const { addresses } = transport
  const record = Buffer.from(context.signRecord(addresses).bytes).toString('hex')
  tell({ event: 'ready', addresses, record })
  const { value: go } = await lines.next()
  if (go === undefined) return
  const { decodePeerRecord } = await load('identity/src/index.ts')
  for (const one of JSON.parse(go).records) {
    discovery.records.push(decodePeerRecord(Buffer.from(one, 'hex'), Date.now()))
  }
  await join(transport)
  await transport.disconnect()
}

/** Takes every connection under the topic, until the input ends. */
async function join(transport) {
  const startMs = performance.now()
  const sinceStart = () => Math.round(performance.now() - startMs)
  const leaving = new AbortController()
  void lines.next().then(() => leaving.abort())
  const topic = Buffer.from(told.topic, 'hex')
  try {
    for await (const connection of transport.connect(topic, { signal: leaving.signal })) {
      void serve(connection, sinceStart)
    }
  } catch (error) {
    if (!leaving.signal.aborted) throw error
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
  const speak = setInterval(() => void connection.send(hello).catch(() => undefined), speakMs)
  try {
    await connection.send(hello)
    let count = 0
    for await (const message of connection) {
      const { address } = connection.path
      const { length } = message
      if (count === 0) tell({ event: 'message', ms: sinceStart(), relayed, address, length })
      count++
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
