/**
 * Many small documents to a peer that has nothing: stored durably and not opened, then opened, then
 * a reconnect with nothing changed. Ours beside automerge-repo 2.5.6 over WebSocket with NodeFS,
 * two processes each, out of a data directory that another process has built.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import { legsOf } from './support/sync-meter.mjs'
import { during, interleaved, printResult, ratio, round, trial } from './support/sync-trial.mjs'

const { values } = parseArgs({
  options: {
    docs: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    /** Only ours: for sizes that automerge-repo does not survive. */
    alone: { type: 'boolean', default: false },
    /** Afterwards changes one document in a hundred, twice: with positions, and with the client's lost. */
    changed: { type: 'boolean', default: false },
    /** Leaves the second run with varied text out. */
    same: { type: 'boolean', default: false },
    /** One more round of ours with `node --max-semi-space-size` of so many megabytes: what a program pays for the room in which V8 makes new objects. */
    young: { type: 'string', default: '' },
  },
})
const documents = Number(values.docs)
const rounds = Number(values.rounds)
const contenders = values.alone ? ['ours'] : ['ours', 'automerge-repo']
compile(['sync', 'transport-tcp', 'secure-channel'])

const same = await interleaved(contenders, rounds, (name) => once(name, false))
const varied = values.same
  ? undefined
  : await interleaved(contenders, 1, (name) => once(name, true))

const young = values.young
  ? await interleaved(['ours'], 1, () =>
      once('ours', false, [`--max-semi-space-size=${values.young}`]),
    )
  : undefined

async function once(name, isVaried, nodeOptions = []) {
  return trial(name, measure, nodeOptions)

  async function measure({ start, directory, build }) {
    await build({ directory: directory('hub'), documents, varied: isVaried })
    const hub = start('hub')
    const client = start('client')
    const workers = { hub, client }
    const [loaded] = await Promise.all([hub.ask('usage'), client.ask('usage')])
    const opening = await during(workers, async () => {
      const hello = await hub.ask('start', { directory: directory('hub'), isHub: true })
      await client.ask('start', { directory: directory('client') })
      return hello
    })
    const { address } = opening.result
    const first = await during(workers, () => client.ask('fetch', { address, documents }))
    // Late acknowledgements belong to the bytes, the wait for them not to the time.
    const late = await during(workers, () => client.ask('quiet'))
    const opened = await during(workers, () => client.ask('openAll', { documents }))
    const again = await during(workers, () => client.ask('reconnect', { address }))
    const cpu = first.cpuMs + late.cpuMs
    const { client: at } = first.used
    const { client: lateAt } = late.used
    return {
      cpuMs: cpu,
      cpuOpenedMs: cpu + opened.cpuMs,
      cpuWithOpeningMs: cpu + opening.cpuMs,
      hubCpuMs: first.used.hub.cpuMs + late.used.hub.cpuMs,
      wallMs: first.wallMs,
      bytes: at.syncBytes + lateAt.syncBytes,
      frames: at.frames + lateAt.frames,
      totalBytes: at.tcpBytes + lateAt.tcpBytes,
      // Everything imported, nothing opened: nobody gets below.
      floorMb: loaded.peakMb,
      peakMbHub: late.used.hub.peakMb,
      peakMbClient: late.used.client.peakMb,
      reconnectBytes: again.used.client.syncBytes,
      reconnectFrames: again.used.client.frames,
      reconnectTotalBytes: again.used.client.tcpBytes,
    }
  }
}

/** One in a hundred documents is changed while the client is away. */
async function change(isPositionLost) {
  return trial('ours', async ({ start, directory, build }) => {
    await build({ directory: directory('hub'), documents })
    await meet(start, directory)
    const some = Array.from({ length: Math.ceil(documents / 100) }, (_, i) => i * 100)
    const savedBytes = await build({ directory: directory('hub'), documents: some }, 'edit')
    if (isPositionLost) await build({ directory: directory('client') }, 'forgetPositions')
    const { used, trails } = await meet(start, directory)
    const bytes = used.client.syncBytes
    const [legs] = legsOf(trails, { isAwaited: true })
    const [legsWithReceipts] = legsOf(trails)
    return { bytes, savedBytes, bytesPerSaved: bytes / savedBytes, legs, legsWithReceipts }
  })
}

async function meet(start, directory) {
  const workers = { hub: start('hub'), client: start('client') }
  const { hub, client } = workers
  const { address } = await hub.ask('start', { directory: directory('hub'), isHub: true })
  await client.ask('start', { directory: directory('client') })
  const { used, result } = await during(workers, async () => {
    const trail = await client.ask('catchUp', { address })
    const trails = [trail, await hub.ask('messageTrail')]
    await client.ask('quiet')
    return trails
  })
  await Promise.all([client.ask('close'), hub.ask('close')])
  await Promise.all([client.end(), hub.end()])
  return { used, trails: result }
}

const changed = values.changed
  ? { known: await change(false), lost: await change(true) }
  : undefined
const { ours, 'automerge-repo': theirs } = same
console.log(
  `sync-many, ${documents} documents, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${rounds} rounds`,
)
console.table(same)
if (varied !== undefined) {
  console.log('varied text, one round')
  console.table(varied)
}
if (young !== undefined) {
  console.log(`the same with node --max-semi-space-size=${values.young}, one round`)
  console.table(young)
}
if (changed) {
  console.log('one document in a hundred changed')
  console.table(changed)
}
printResult('sync-many', {
  ours: {
    documents,
    ...(changed && { changed }),
    ...ours,
    ...(varied && { bytesVaried: varied.ours.bytes }),
    ...(young && { young: { megabytes: Number(values.young), ...young.ours } }),
  },
  peers: theirs ? { 'automerge-repo': theirs } : {},
  ratios: theirs ? ratios() : {},
})

function ratios() {
  return {
    cpu: ratio(ours, theirs, 'cpuMs'),
    bytes: ratio(ours, theirs, 'bytes'),
    frames: round(ours.frames / theirs.frames),
    cpuOpened: ratio(ours, theirs, 'cpuOpenedMs'),
    cpuWithOpening: ratio(ours, theirs, 'cpuWithOpeningMs'),
    totalBytes: ratio(ours, theirs, 'totalBytes'),
    ...(varied && { bytesVaried: ratio(varied.ours, varied['automerge-repo'], 'bytes') }),
  }
}
