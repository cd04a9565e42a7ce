/**
 * A paper as it was typed, one change for each keystroke, to a peer that has nothing: stored, and
 * then opened. Ours beside automerge-repo 2.5.6 over WebSocket with NodeFS, which opens what it
 * gets as it comes; its node in the middle has the document open before anything is measured.
 */
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import { hasTrace, traceFile } from './support/sync-trace.mjs'
import { during, interleaved, printResult, ratio, trial } from './support/sync-trial.mjs'

const { values } = parseArgs({
  options: {
    /** The first keystrokes; 0 is all of them. */
    edits: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '1' },
    trace: { type: 'string', default: fileURLToPath(traceFile) },
  },
})
const count = Number(values.edits)
const rounds = Number(values.rounds)
if (hasTrace(values.trace)) await measure()
else {
  console.log(`left out: there is no trace at ${values.trace}; name one with --trace`)
  printResult('sync-trace', { ours: {}, peers: {}, ratios: {} })
}

async function measure() {
  compile(['sync', 'transport-tcp', 'secure-channel'])
  const figures = await interleaved(['ours', 'automerge-repo'], rounds, once)
  const { ours, 'automerge-repo': theirs } = figures
  console.log(
    `sync-trace, ${count || 'all'} keystrokes, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${rounds} rounds`,
  )
  console.table(figures)
  printResult('sync-trace', {
    ours,
    peers: { 'automerge-repo': theirs },
    ratios: {
      bytes: ratio(ours, theirs, 'bytes'),
      cpu: ratio(ours, theirs, 'cpuMs'),
      cpuStored: ratio(ours, theirs, 'cpuStoredMs'),
    },
  })
}

async function once(name) {
  return trial(name, async ({ start, directory, build }) => {
    const characters = await build(
      { directory: directory('hub'), file: values.trace, count },
      'buildTrace',
    )
    const workers = { hub: start('hub'), client: start('client') }
    const { hub, client } = workers
    const { address, text } = await hub.ask('start', { directory: directory('hub'), isHub: true })
    await client.ask('start', { directory: directory('client') })
    const isOurs = name === 'ours'
    const first = await during(workers, () =>
      isOurs
        ? client.ask('fetch', { address, documents: 1 })
        : client.ask('join', { address, text }),
    )
    const late = await during(workers, () => client.ask('quiet'))
    const opened = await during(workers, () => client.ask('read'))
    if (opened.result !== characters) {
      throw new Error(`${opened.result} of ${characters} characters arrived`)
    }
    const cpuStoredMs = first.cpuMs + late.cpuMs
    return {
      bytes: first.used.client.syncBytes + late.used.client.syncBytes,
      frames: first.used.client.frames + late.used.client.frames,
      cpuStoredMs,
      cpuMs: cpuStoredMs + opened.cpuMs,
      hubCpuMs: first.used.hub.cpuMs + late.used.hub.cpuMs,
      wallMs: first.wallMs + opened.wallMs,
      characters,
    }
  })
}
