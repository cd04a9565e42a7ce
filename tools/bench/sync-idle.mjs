/**
 * A program that has many documents stored and a few open: resident memory at rest, and how long it
 * takes from the start of the store until the database and those few can be used. Ours beside
 * automerge-repo 2.5.6 with NodeFS, which is opened with the same few.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import { interleaved, printResult, ratio, trial } from './support/sync-trial.mjs'

const { values } = parseArgs({
  options: {
    docs: { type: 'string', default: '10000' },
    open: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '1' },
    alone: { type: 'boolean', default: false },
  },
})
const documents = Number(values.docs)
const openDocuments = Number(values.open)
const rounds = Number(values.rounds)
compile(['sync', 'transport-tcp', 'secure-channel'])
const contenders = values.alone ? ['ours'] : ['ours', 'automerge-repo']
const figures = await interleaved(contenders, rounds, once)

async function once(name) {
  return trial(name, async ({ start, directory, build }) => {
    await build({ directory: directory('hub'), documents })
    const hub = start('hub')
    // Everything imported, nothing opened: nobody gets below.
    const { cpuMs: startCpuMs, peakMb: floorMb } = await hub.ask('usage')
    const { readyMs } = await hub.ask('start', {
      directory: directory('hub'),
      isHub: true,
      openDocuments,
    })
    const { cpuMs, peakMb } = await hub.ask('usage')
    const residentKiB = await hub.ask('residentKiB')
    return { rssMb: residentKiB / 1_024, floorMb, readyMs, readyCpuMs: cpuMs - startCpuMs, peakMb }
  })
}

const { ours, 'automerge-repo': theirs } = figures
console.log(
  `sync-idle, ${documents} stored, ${openDocuments} open, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${rounds} rounds`,
)
console.table(figures)
printResult('sync-idle', {
  ours: { documents, openDocuments, ...ours },
  peers: theirs ? { 'automerge-repo': theirs } : {},
  ratios: theirs
    ? { rss: ratio(ours, theirs, 'rssMb'), ready: ratio(ours, theirs, 'readyMs') }
    : {},
})
