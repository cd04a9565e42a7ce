/**
 * From a character typed at one client until the other client sees it: a node in the middle and two
 * clients, three processes, all three stored. Then many characters flat out, until all are seen.
 * Ours beside automerge-repo 2.5.6 over WebSocket with NodeFS, and Yjs with y-websocket. With
 * `--worker` ours once more, every node in a worker thread of its process: `ours-worker`.
 */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import {
  during,
  interleaved,
  percentile,
  printResult,
  ratio,
  trial,
} from './support/sync-trial.mjs'

/** Characters before those that count, at 20 a second. */
const WARM_UP = 20
/** The last acknowledgements pass in this time. */
const SETTLE_MS = 500

const { values } = parseArgs({
  options: {
    edits: { type: 'string', default: '60' },
    rate: { type: 'string', default: '10' },
    flat: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'ours,automerge-repo,yjs' },
    worker: { type: 'boolean', default: false },
  },
})
const [edits, rate, flat, rounds] = [values.edits, values.rate, values.flat, values.rounds].map(
  Number,
)
compile(['sync', 'transport-tcp', 'secure-channel', ...(values.worker ? ['p2p'] : [])])
const contenders = [...values.only.split(','), ...(values.worker ? ['ours-worker'] : [])]
const figures = await interleaved(contenders, rounds, once)

async function once(name) {
  return trial(name, async ({ start, directory }) => {
    const workers = { hub: start('hub'), reader: start('reader'), writer: start('writer') }
    const { hub, reader, writer } = workers
    const { address } = await hub.ask('start', { directory: directory('hub'), isHub: true })
    for (const [client, one] of [
      [reader, 'reader'],
      [writer, 'writer'],
    ]) {
      await client.ask('start', { directory: directory(one) })
    }
    await writer.ask('join', { address })
    const text = await writer.ask('begin')
    await pause(SETTLE_MS)
    await reader.ask('join', { address, text: text ?? true })
    await write(workers, { count: WARM_UP, rate: 20 })
    await pause(SETTLE_MS)
    const typed = await during(workers, () => write(workers, { count: edits, rate }))
    const burst =
      flat > 0 ? await during(workers, () => write(workers, { count: flat, rate: 0 })) : undefined
    return {
      p50Ms: percentile(typed.result.latencies, 0.5),
      p99Ms: percentile(typed.result.latencies, 0.99),
      hubCpuMs: typed.used.hub.cpuMs,
      cpuMs: typed.cpuMs,
      ...counted(name, {
        writerBytes: typed.used.writer.syncBytes,
        writerFrames: typed.used.writer.frames,
      }),
      ...(burst && {
        flatOutMs: burst.result.allMs,
        flatOutHubCpuMs: burst.used.hub.cpuMs,
        flatOutCpuMs: burst.cpuMs,
        flatOutTypingMs: burst.result.typingMs,
        ...counted(name, { flatOutBytes: burst.used.writer.syncBytes }),
      }),
    }
  })
}

/** The meter counts in the main thread of a process, and channels in a worker pass it by. */
function counted(name, figures_) {
  return name === 'ours-worker' ? {} : figures_
}

async function write({ reader, writer }, { count, rate: perSecond }) {
  await reader.ask('arm', { count })
  const sent = await writer.ask('type', { count, rate: perSecond })
  const seen = await reader.ask('seen')
  await pause(SETTLE_MS)
  return {
    latencies: sent.map((atMs, i) => seen[i] - atMs),
    typingMs: sent.at(-1) - sent[0],
    allMs: seen.at(-1) - sent[0],
  }
}

const { ours, 'ours-worker': inWorker, 'automerge-repo': theirs, yjs } = figures
console.log(
  `sync-latency, ${edits} characters at ${rate} a second, ${flat} flat out, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${rounds} rounds`,
)
console.table(figures)
printResult('sync-latency', {
  ours: { ...ours, ...(inWorker && { worker: inWorker }) },
  peers: { ...(theirs && { 'automerge-repo': theirs }), ...(yjs && { yjs }) },
  ratios: ours ? ratios() : {},
})

function ratios() {
  return {
    ...(theirs && {
      p50: ratio(ours, theirs, 'p50Ms'),
      hubCpu: ratio(ours, theirs, 'hubCpuMs'),
      flatOut: ratio(ours, theirs, 'flatOutMs'),
      flatOutHubCpu: ratio(ours, theirs, 'flatOutHubCpuMs'),
    }),
    ...(yjs && { p50VsYjs: ratio(ours, yjs, 'p50Ms') }),
    ...(inWorker && theirs && { workerP50: ratio(inWorker, theirs, 'p50Ms') }),
    ...(inWorker && { workerP50VsOurs: ratio(inWorker, ours, 'p50Ms') }),
  }
}
