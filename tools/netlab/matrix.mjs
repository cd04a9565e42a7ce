/**
 * Which pairs of routers whole nodes get through that use several transports:
 * `npm run netlab -- matrix [flags]`.
 *
 *   --transports=tcp,relay   some of tcp, hyperswarm and relay; all unless told otherwise
 *   --pairs=strict:strict,…  some pairs
 *   --rounds=3               each pair more than once
 *   --logs=<folder>          what the programs print on their standard error, a file each
 *
 * Each node is made by `createP2P`, and the relay is ours. Measured is the time from `start`
 * until both have the other's first message, and until both use a direct path; numbered
 * messages flow over the session all the while, and none may be missing or come twice.
 */
import { parseArgs } from 'node:util'
import { kinds } from './support/lab.mjs'
import {
  allTransports,
  becomeDirect,
  finish,
  flow,
  limits,
  meet,
  pathOf,
  wayOf,
  withScene,
} from './support/scene.mjs'

/** Milliseconds within which a pair has to have met, and be direct. */
const goals = { connectedMs: 3_000, directMs: 15_000 }
/** Milliseconds that messages go on for on the last path. */
const flowMs = 500

/** Runs it with the words of the command line, and gives the status to exit with. */
export async function run(args) {
  const plan = parsePlan(args)
  const results = []
  for (const trial of plan.trials) {
    // One after the other: there is one lab.
    // oxlint-disable-next-line no-await-in-loop
    const result = await runTrial(trial, plan)
    results.push(result)
    console.log(`${trial.a} and ${trial.b}: ${shown(result)}`)
  }
  printTable(plan, results)
  console.log(JSON.stringify(verdict(plan, results)))
  return 0
}

/** What the words of the command line ask for, or the `mistake` in them. */
export function parsePlan(args) {
  const { values } = parseArgs({
    args,
    options: {
      transports: { type: 'string', default: allTransports.join(',') },
      pairs: { type: 'string', default: allPairs() },
      rounds: { type: 'string', default: '1' },
      logs: { type: 'string' },
    },
  })
  const transports = values.transports.split(',')
  const unknown = transports.find((name) => !allTransports.includes(name))
  if (unknown !== undefined) {
    return { mistake: `no transport ${unknown}; there are: ${allTransports.join(', ')}` }
  }
  const pairs = values.pairs.split(',').map((pair) => pair.split(':'))
  const odd = pairs.find((pair) => pair.length !== 2 || !pair.every((one) => kinds.includes(one)))
  if (odd) return { mistake: `${odd.join(':')} is no pair of two of: ${kinds.join(', ')}` }
  const rounds = Array.from({ length: Number(values.rounds) })
  const trials = pairs.flatMap(([a, b]) => rounds.map((_, round) => ({ a, b, round })))
  return { transports, trials, logs: values.logs }
}

function allPairs() {
  const four = ['none', 'open', 'moderate', 'strict']
  return four.flatMap((a) => four.map((b) => `${a}:${b}`)).join(',')
}

async function runTrial({ a, b, round }, { transports, logs }) {
  const name = `matrix-${a}-${b}-${round + 1}`
  try {
    return await withScene({ name, kinds: { a, b }, transports, logs }, async (scene) => {
      const ms = await meet(scene)
      if (ms === undefined) return { a, b, error: 'did not meet' }
      const isRelayOnly = transports.every((one) => one === 'relay')
      const directMs = isRelayOnly ? undefined : await becomeDirect(scene, limits.directMs)
      await flow(scene, flowMs)
      const way = [...new Set(scene.peers.map((peer) => wayOf(pathOf(peer))))].join(' and ')
      return { a, b, ms, directMs, way, ...(await finish(scene)) }
    })
  } catch (error) {
    return { a, b, error: error.message }
  }
}

function shown({ error, broken, ms, directMs, way, silenceMs, lost, doubled, reordered }) {
  if (error !== undefined) return error
  if (broken !== undefined) return `broken: ${broken}`
  const direct = directMs === undefined ? '' : `, direct ${seconds(directMs)} (${way})`
  const wrong = lost + doubled + reordered
  const faults = wrong === 0 ? '' : `, ${lost} lost, ${doubled} twice, ${reordered} out of order`
  return `${seconds(ms)}${direct}; silence ${seconds(silenceMs)}${faults}`
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`
}

/** A side down, B across. */
function printTable({ transports }, results) {
  const rows = inOrder(results.map(({ a }) => a))
  const columns = inOrder(results.map(({ b }) => b))
  console.log(`\n${transports.join(', ')}: A down, B across\n\n| A \\ B | ${columns.join(' | ')} |`)
  console.log(`|${' --- |'.repeat(columns.length + 1)}`)
  for (const a of rows) {
    const cells = columns.map((b) => {
      const own = results.filter((result) => result.a === a && result.b === b)
      return own.map(shown).join('<br>')
    })
    console.log(`| **${a}** | ${cells.join(' | ')} |`)
  }
}

function inOrder(used) {
  return kinds.filter((kind) => used.includes(kind))
}

function verdict({ transports }, results) {
  const met = results.filter(({ ms }) => ms !== undefined)
  const counted = results.filter(({ messages }) => messages !== undefined)
  const sum = (of) => counted.reduce((total, result) => total + of(result), 0)
  const worst = (of) => Math.max(0, ...counted.map(of))
  return {
    bench: 'matrix',
    ours: {
      trials: results.length,
      connected: met.filter(({ ms }) => ms <= goals.connectedMs).length,
      direct: met.filter(({ directMs }) => directMs <= goals.directMs).length,
      whole: counted.length,
      messages: sum(({ messages }) => messages),
      lost: sum(({ lost }) => lost),
      doubled: sum(({ doubled }) => doubled),
      reordered: sum(({ reordered }) => reordered),
      slowestMs: Math.max(0, ...met.map(({ ms }) => ms)),
      longestSilenceMs: worst(({ silenceMs }) => silenceMs),
    },
    peers: {},
    ratios: {},
    transports,
    results,
  }
}
