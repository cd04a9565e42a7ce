/**
 * Two copies of a text that were in sync are edited offline, each at its own place, and meet again
 * as new processes. Ours beside automerge-repo 2.5.6 over WebSocket with NodeFS.
 */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import { legsOf } from './support/sync-meter.mjs'
import { during, interleaved, printResult, ratio, trial } from './support/sync-trial.mjs'

/** Sync states are saved in this time. */
const SETTLE_MS = 1_500

const { values } = parseArgs({
  options: {
    common: { type: 'string', default: '1000' },
    edits: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '1' },
  },
})
const [common, edits, rounds] = [values.common, values.edits, values.rounds].map(Number)
const length = common + 2 * edits
compile(['sync', 'transport-tcp', 'secure-channel'])
const figures = await interleaved(['ours', 'automerge-repo'], rounds, once)
const { ours, 'automerge-repo': theirs } = figures
console.log(
  `sync-diverged, ${common} common and ${edits} changes on each side, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${rounds} rounds`,
)
console.table(figures)
printResult('sync-diverged', {
  ours,
  peers: { 'automerge-repo': theirs },
  ratios: { bytes: ratio(ours, theirs, 'bytes'), cpu: ratio(ours, theirs, 'cpuMs') },
})

async function once(name) {
  return trial(name, async ({ start, directory, build }) => {
    await build({ directory: directory('hub'), count: common }, 'buildText')
    await meetOnce(start, directory)
    await build(
      { directory: directory('hub'), count: edits, at: common / 10, character: 'a' },
      'editText',
    )
    await build(
      { directory: directory('client'), count: edits, at: common / 2, character: 'b' },
      'editText',
    )
    const workers = { hub: start('hub'), client: start('client') }
    const { hub, client } = workers
    const { address } = await hub.ask('start', { directory: directory('hub'), isHub: true })
    await client.ask('start', { directory: directory('client') })
    await Promise.all([hub.ask('read'), client.ask('read')])
    const met = await during(workers, async () => {
      const trails = await Promise.all([
        client.ask('meet', { address, length }),
        hub.ask('has', { length }),
      ])
      await client.ask('quiet')
      return Math.max(...legsOf(trails))
    })
    const [a, b] = await Promise.all([hub.ask('heads'), client.ask('heads')])
    if (a.join() !== b.join()) throw new Error('the copies differ')
    const { client: at } = met.used
    return {
      roundTrips: Math.ceil(met.result / 2),
      legs: met.result,
      bytes: at.syncBytes,
      frames: at.frames,
      totalBytes: at.tcpBytes,
      cpuMs: met.cpuMs,
      hubCpuMs: met.used.hub.cpuMs,
    }
  })
}

/** The earlier session, from which each side knows what the other has. */
async function meetOnce(start, directory) {
  const [hub, client] = [start('hub'), start('client')]
  const { address, text } = await hub.ask('start', { directory: directory('hub'), isHub: true })
  await client.ask('start', { directory: directory('client') })
  await client.ask('join', { address, text: text ?? true })
  await pause(SETTLE_MS)
  await Promise.all([client.ask('close'), hub.ask('close')])
  await Promise.all([client.end(), hub.end()])
}
