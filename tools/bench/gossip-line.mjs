/**
 * A line of 10 nodes with gossip, each connected with the one before and the one after it and
 * with nobody else: how long after an edit at one end the document shows it at the other end.
 *
 * Beside it stands how long a round trip over each of the nine hops takes, by a request that is
 * answered at once: the goal is 10 of them and 100 ms.
 */
import process from 'node:process'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import { median } from './support/contest.mjs'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10' },
    edits: { type: 'string', default: '50' },
    /** Set by the program itself: it runs what is published. */
    inner: { type: 'boolean', default: false },
  },
})
if (values.inner) await measure()
else process.exitCode = runCompiled()

function runCompiled() {
  compile(['gossip', 'p2p'])
  const compiled = fileURLToPath(new URL('support/compiled.mjs', import.meta.url))
  const args = ['--import', compiled, fileURLToPath(import.meta.url), '--inner']
  const flags = ['--nodes', values.nodes, '--edits', values.edits]
  return spawnSync(process.execPath, [...args, ...flags], { stdio: 'inherit' }).status ?? 1
}

async function measure() {
  const { createP2P } = await import('@vudo/p2p')
  const nodes = await startLine(createP2P, Number(values.nodes))
  try {
    const documents = await openEverywhere(nodes)
    const tripMs = await hopRoundTrips(nodes)
    const times = []
    for (let edit = 1; edit <= Number(values.edits); edit++) {
      times.push(await editToEnd(documents, edit))
      // Live edits one after the other, as somebody types them, and not one upon the other.
      await allStored(documents)
    }
    print(times, tripMs)
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
  }
}

async function startLine(createP2P, count) {
  const nodes = []
  for (let at = 0; at < count; at++) {
    const node = await createP2P({
      storage: 'memory',
      bindAddress: '127.0.0.1',
      port: 0,
      maxNewConnectionsPerSecond: 10_000,
      discovery: { enableMdns: false },
      gossip: true,
      database: nodes[0]?.ticket,
    })
    nodes.push(node)
  }
  for (const [at, node] of nodes.entries()) {
    // Who is let in makes the line: gossip would connect everybody with everybody.
    const allow = [nodes[at - 1], nodes[at + 1]].flatMap((one) => one?.peerId ?? [])
    await node.network.setPeerLists({ allow })
    node.respond('/bench/echo/1', (message) => message)
    await node.start()
  }
  for (let at = 1; at < count; at++) {
    await nodes[at - 1].connectPeer(nodes[at].addresses[0], { expected: nodes[at].peerId })
  }
  return nodes
}

async function openEverywhere(nodes) {
  const first = await nodes[0].open('bench/line', { edit: 0 })
  const documents = [first]
  for (const node of nodes.slice(1)) documents.push(await node.open('bench/line', { edit: 0 }))
  await allStored(documents)
  return documents
}

/** Milliseconds over each hop, the median of several. */
async function hopRoundTrips(nodes) {
  const hops = []
  for (let at = 1; at < nodes.length; at++) {
    const times = []
    for (let i = 0; i < 50; i++) {
      const startedMs = performance.now()
      await nodes[at - 1].request(nodes[at].peerId, '/bench/echo/1', Uint8Array.of(i))
      times.push(performance.now() - startedMs)
    }
    hops.push(median(times))
  }
  return median(hops)
}

async function editToEnd(documents, edit) {
  const last = documents.at(-1)
  const seen = Promise.withResolvers()
  const unsubscribe = last.subscribe(() => {
    if (last.current.edit === edit) seen.resolve(performance.now())
  })
  const startedMs = performance.now()
  documents[0].change((doc) => {
    doc.edit = edit
  })
  const tookMs = (await seen.promise) - startedMs
  unsubscribe()
  return tookMs
}

async function allStored(documents) {
  const signal = AbortSignal.timeout(30_000)
  await Promise.all(documents.map((document) => document.whenSynced({ signal })))
}

function print(times, tripMs) {
  const sorted = times.toSorted((a, b) => a - b)
  const worst = sorted.at(-1)
  const p95 = sorted[Math.floor(sorted.length * 0.95)]
  const goalMs = 10 * tripMs + 100
  console.log(
    `a line of ${values.nodes} nodes, Node ${process.versions.node}, ${times.length} edits`,
  )
  console.table({
    'edit to the far end': {
      'median ms': round3(median(times)),
      'p95 ms': round3(p95),
      'worst ms': round3(worst),
      'round trip of a hop ms': round3(tripMs),
      'goal ms': round3(goalMs),
    },
  })
  const ours = {
    medianMs: round3(median(times)),
    p95Ms: round3(p95),
    worstMs: round3(worst),
    hopRoundTripMs: round3(tripMs),
    goalMs: round3(goalMs),
  }
  console.log(
    JSON.stringify({
      bench: 'gossip-line',
      ours,
      peers: {},
      ratios: { p95ToGoal: round3(p95 / goalMs) },
    }),
  )
}

/** More than three digits would be noise. */
function round3(value) {
  return Number(value.toPrecision(3))
}
