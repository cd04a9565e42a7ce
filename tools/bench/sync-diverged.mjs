/**
 * Two copies of a text that were in sync are edited offline, each at its own place, and meet again
 * as new processes. Then the same once more with what each knew of the other lost, and with real
 * text: keystrokes of a trace in place of one character again and again. Ours beside automerge-repo
 * 2.5.6 over WebSocket with NodeFS.
 */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import { legsOf } from './support/sync-meter.mjs'
import { hasTrace, traceFile } from './support/sync-trace.mjs'
import { during, interleaved, printResult, ratio, trial } from './support/sync-trial.mjs'

/** Sync states are saved in this time. */
const SETTLE_MS = 1_500

const { values } = parseArgs({
  options: {
    common: { type: 'string', default: '1000' },
    edits: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '1' },
    /** Only the first of the three. */
    plain: { type: 'boolean', default: false },
  },
})
const [common, edits, rounds] = [values.common, values.edits, values.rounds].map(Number)
const file = fileURLToPath(traceFile)
compile(['sync', 'transport-tcp', 'secure-channel'])

const plain = await contest('', rounds, (name) => once(name, {}))
const lost = values.plain
  ? undefined
  : await contest('what each knew of the other is lost', 1, (name) => once(name, { isLost: true }))
if (!values.plain && !hasTrace(traceFile)) console.log('real text: left out, there is no trace')
const real =
  values.plain || !hasTrace(traceFile)
    ? undefined
    : await contest('real text', 1, (name) => once(name, { isReal: true }))

printResult('sync-diverged', {
  ours: { ...plain.ours, ...(lost && { lost: lost.ours }), ...(real && { real: real.ours }) },
  peers: { 'automerge-repo': plain['automerge-repo'] },
  ratios: {
    ...ratiosOf(plain),
    ...(lost && { lost: ratiosOf(lost) }),
    ...(real && { real: ratiosOf(real) }),
  },
})

async function contest(title, count, task) {
  const figures = await interleaved(['ours', 'automerge-repo'], count, task)
  console.log(
    `sync-diverged, ${common} common and ${edits} changes on each side, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${count} rounds${title && `: ${title}`}`,
  )
  console.table(figures)
  return figures
}

function ratiosOf({ ours, 'automerge-repo': theirs }) {
  return { bytes: ratio(ours, theirs, 'bytes'), cpu: ratio(ours, theirs, 'cpuMs') }
}

async function once(name, { isLost = false, isReal = false }) {
  return trial(name, async ({ start, directory, build }) => {
    const [hubAt, clientAt] = [directory('hub'), directory('client')]
    await (isReal
      ? build({ directory: hubAt, file, count: common }, 'buildTrace')
      : build({ directory: hubAt, count: common }, 'buildText'))
    await meetOnce(start, directory)
    if (isReal) {
      await build({ directory: hubAt, file, from: common, count: edits }, 'editTrace')
      await build({ directory: clientAt, file, from: common + edits, count: edits }, 'editTrace')
    } else {
      await build({ directory: hubAt, count: edits, at: common / 10, character: 'a' }, 'editText')
      await build({ directory: clientAt, count: edits, at: common / 2, character: 'b' }, 'editText')
    }
    if (isLost) {
      await build({ directory: hubAt }, 'forgetPeers')
      await build({ directory: clientAt }, 'forgetPeers')
    }
    const workers = { hub: start('hub'), client: start('client') }
    const { hub, client } = workers
    const { address } = await hub.ask('start', { directory: hubAt, isHub: true })
    await client.ask('start', { directory: clientAt })
    await Promise.all([hub.ask('read'), client.ask('read')])
    const heads = [...(await hub.ask('heads')), ...(await client.ask('heads'))]
    const met = await during(workers, async () => {
      const trails = await Promise.all([
        client.ask('meet', { address, heads }),
        hub.ask('has', { heads }),
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
