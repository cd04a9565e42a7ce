/**
 * Many clients of one node in the middle type into one document at once: bytes and CPU there, and
 * the time after the last edit until everybody has everything. The clients are spread over a few
 * processes, each client with a store of its own. Ours beside automerge-repo 2.5.6 over WebSocket
 * with NodeFS.
 */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import { during, interleaved, printResult, ratio, trial } from './support/sync-trial.mjs'

const SETTLE_MS = 1_000

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '50' },
    processes: { type: 'string', default: '2' },
    edits: { type: 'string', default: '10' },
    gap: { type: 'string', default: '250' },
    rounds: { type: 'string', default: '1' },
    only: { type: 'string', default: 'ours,automerge-repo' },
  },
})
const [peers, processes, edits, gapMs, rounds] = [
  values.peers,
  values.processes,
  values.edits,
  values.gap,
  values.rounds,
].map(Number)
compile(['sync', 'transport-tcp', 'secure-channel'])
const figures = await interleaved(values.only.split(','), rounds, once)
const { ours, 'automerge-repo': theirs } = figures
console.log(
  `sync-fanout, ${peers} peers, ${edits} characters each, one in ${gapMs} ms, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${rounds} rounds`,
)
console.table(figures)
printResult('sync-fanout', {
  ours: ours ?? {},
  peers: theirs ? { 'automerge-repo': theirs } : {},
  ratios:
    ours && theirs
      ? {
          hubCpu: ratio(ours, theirs, 'hubCpuMs'),
          bytes: ratio(ours, theirs, 'bytes'),
          converged: ratio(ours, theirs, 'convergedMs'),
        }
      : {},
})

async function once(name) {
  return trial(name, async ({ start, directory, build }) => {
    await build({ directory: directory('hub'), count: 0 }, 'buildText')
    const hub = start('hub')
    const { address, text } = await hub.ask('start', { directory: directory('hub'), isHub: true })
    const groups = []
    for (let i = 0; i < processes; i++) {
      const group = start(`group${i}`)
      groups.push(group)
      const count = Math.floor(peers / processes) + (i < peers % processes ? 1 : 0)
      await group.ask('gather', { count, directory: directory(`group${i}`), address, text })
    }
    await pause(SETTLE_MS)
    const ask = (action, args) => Promise.all(groups.map((group) => group.ask(action, args)))
    await ask('armAll', { total: peers * edits })
    const workers = { hub, ...Object.fromEntries(groups.map((group, i) => [`group${i}`, group])) }
    const { result, used, cpuMs } = await during(workers, async () => {
      const lastMs = Math.max(...(await ask('typeAll', { count: edits, gapMs })))
      const seenMs = (await ask('allSeen')).flat()
      await pause(SETTLE_MS)
      return Math.max(...seenMs.map((atMs) => Math.max(0, atMs - lastMs)))
    })
    return {
      convergedMs: result,
      hubCpuMs: used.hub.cpuMs,
      cpuMs,
      bytes: used.hub.syncBytes,
      frames: used.hub.frames,
    }
  })
}
