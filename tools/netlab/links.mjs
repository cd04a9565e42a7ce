/**
 * Whole nodes over links of all sorts: `npm run netlab -- links [flags]`.
 *
 *   --presets=slow-3g,…      some of the presets
 *   --transports=relay       the ways that a node has; all unless told otherwise
 *   --logs=<folder>          what the programs print on their standard error, a file each
 *
 * The link of one side is shaped: rate, queue, delay, jitter, loss. Numbered messages flow,
 * and a document is written on either side and has to reach the other. Then, over `slow-3g`
 * without loss, how much longer an urgent message takes while a bulk transfer fills the link.
 *
 * The kernel's `netem` is not needed: `support/tapem.c` shapes the link, which needs a C
 * compiler and `/dev/net/tun`.
 */
import { parseArgs } from 'node:util'
import { conclude, runTrials, seconds } from './support/flow-scenario.mjs'
import { buildLab, linkPresets, setLink, whatLinksNeed } from './support/lab.mjs'
import { until } from './support/program.mjs'
import { allTransports, eventOf, flow, mark, order } from './support/scene.mjs'

/** Milliseconds that messages flow; until documents have crossed; that urgent ones are timed in quiet, and beside a transfer. */
const limits = { flowMs: 8_000, documentsMs: 60_000, idleMs: 10_000, busyMs: 20_000 }
const kinds = { a: 'moderate', b: 'moderate' }
/** More than the link carries in the time that is watched. */
const bulkMebibytes = 16

/** Runs it with the words of the command line, and gives the status to exit with. */
export async function run(args) {
  const missing = whatLinksNeed()
  if (missing !== undefined) {
    console.log(`skipped: ${missing}`)
    console.log(JSON.stringify({ netlab: 'links', skipped: missing }))
    return 0
  }
  const plan = parsePlan(args)
  const { logs } = plan
  const trials = plan.presets.map((preset) => ({
    ...shaped(preset, linkPresets[preset], plan.transports),
    disturb: exchangeDocuments,
  }))
  const results = await runTrials('links', trials, { logs })
  if (!plan.timesUrgent) return conclude('links', results)
  const urgent = await runTrials('links', plan.ways.map(urgentTrial), { logs })
  const worst = urgent.map(({ urgentAddedMs }) => urgentAddedMs ?? Number.POSITIVE_INFINITY)
  return conclude('links', [...results, ...urgent], { urgentAddedMs: Math.max(...worst) })
}

/** What the words of the command line ask for, or the `mistake` in them. */
export function parsePlan(args) {
  const { values } = parseArgs({
    args,
    options: {
      presets: { type: 'string', default: Object.keys(linkPresets).join(',') },
      transports: { type: 'string', default: allTransports.join(',') },
      urgent: { type: 'boolean', default: true },
      logs: { type: 'string' },
    },
    allowNegative: true,
  })
  const presets = values.presets.split(',').filter((name) => name !== '')
  const unknown = presets.find((name) => !Object.hasOwn(linkPresets, name))
  if (unknown !== undefined) {
    const known = Object.keys(linkPresets).join(', ')
    return { mistake: `no preset ${unknown}; there are: ${known}` }
  }
  const transports = values.transports.split(',')
  return { presets, transports, ways: transports, timesUrgent: values.urgent, logs: values.logs }
}

/** A trial on a lab with this link. */
function shaped(name, link, transports) {
  return {
    name,
    kinds,
    transports,
    isBuilt: true,
    build: () => {
      buildLab(kinds, { isShaped: true })
      setLink('a', link)
    },
  }
}

/** Over one way alone: hole punching for hyperswarm, a router that forwards its port for tcp. */
function urgentTrial(transport) {
  const sides = { a: 'moderate', b: transport === 'tcp' ? 'open' : 'moderate' }
  // TCP alone finds nobody: the relay introduces the two, and the messages go the direct way.
  const transports = transport === 'tcp' ? ['tcp', 'relay'] : [transport]
  return {
    name: `urgent over ${transport}, slow-3g without loss`,
    kinds: sides,
    transports,
    isBuilt: true,
    build: () => {
      buildLab(sides, { isShaped: true })
      setLink('a', `${linkPresets['slow-3g']} loss=0`)
    },
    disturb: timeUrgent,
  }
}

async function exchangeDocuments(scene) {
  const startMs = performance.now()
  order(scene.a, 'write', { path: 'links/by-a', value: { text: 'a'.repeat(2_000) } })
  order(scene.b, 'write', { path: 'links/by-b', value: { text: 'b'.repeat(2_000) } })
  await flow(scene, limits.flowMs)
  const isThere = () => has(scene.a, 'links/by-b') && has(scene.b, 'links/by-a')
  if (!(await until(scene.peers, limits.documentsMs, isThere))) {
    throw new Error(`documents did not cross within ${seconds(limits.documentsMs)}`)
  }
  const atMs = Math.max(atOf(scene.a, 'links/by-b'), atOf(scene.b, 'links/by-a'))
  return { watchedMs: Math.round(performance.now() - startMs), documentsAtMs: atMs }
}

function has(peer, path) {
  return atOf(peer, path) !== undefined
}

function atOf({ events }, wanted) {
  return events.find(
    ({ event, path, isOurs }) => event === 'document' && path === wanted && !isOurs,
  )?.ms
}

/** Both ends send urgent messages; the one with the narrow link fills it as well. */
async function timeUrgent(scene) {
  await mark(scene)
  await flow(scene, limits.idleMs)
  const [, idle] = await mark(scene)
  const from = scene.a.events.length
  order(scene.a, 'bulk', { mebibytes: bulkMebibytes })
  await flow(scene, limits.busyMs)
  const [, busy] = await mark(scene)
  const isStillBusy = !scene.a.events.slice(from).some(({ event }) => event === 'bulk')
  if (!isStillBusy) throw new Error('the transfer ended too early')
  await eventOf(scene.a, 'bulk', 120_000, from)
  const urgentAddedMs = Math.round(busy.p99Ms - idle.p99Ms)
  const note = `; urgent p99 ${Math.round(idle.p99Ms)} ms idle, ${Math.round(busy.p99Ms)} ms beside bulk: ${urgentAddedMs} ms more`
  return { urgentAddedMs, idle, busy, note }
}
