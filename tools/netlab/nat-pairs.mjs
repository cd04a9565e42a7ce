/**
 * Which pairs of routers each stack gets through: `npm run netlab -- nat-pairs [flags]`.
 *
 *   --stacks=hyperswarm,libp2p   some of the stacks; `udp` is plain hole punching without one
 *   --pairs=moderate:strict,…    some pairs; the routers `udpblock` and `tcp443` only so
 *   --rounds=3                   each pair more than once
 *   --logs=<folder>              what the programs print on their standard error, a file each
 *
 * In each pair two processes, each behind a router of its own, join one topic; it is
 * measured when both have the other's first message, and by which way it came. One that came
 * by a relay is watched on, until it has become direct or time is over.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildLab, kinds, outsideAddress, publicHosts } from './support/lab.mjs'
import { startProgram, stopProgram, until } from './support/program.mjs'
import { stacks } from './support/stacks.mjs'

/** Milliseconds: until a program is ready, both have heard the other, and a relayed path is direct; and how long it then has to last. */
const limits = { readyMs: 30_000, pairMs: 30_000, upgradeMs: 15_000, settleMs: 1_000 }
/** Plain punches that have not met by then never do: nobody tries other ports. */
const punchMs = 3_000
const contestants = ['udp', ...Object.keys(stacks)]
const natPeer = fileURLToPath(new URL('support/nat-peer.mjs', import.meta.url))
const punch = fileURLToPath(new URL('support/punch.mjs', import.meta.url))

/** Runs it with the words of the command line, and gives the status to exit with. */
export async function run(args) {
  const plan = parsePlan(args)
  if (plan.logs !== undefined) mkdirSync(plan.logs, { recursive: true })
  const results = []
  for (const trial of plan.trials) {
    // One after the other: there is one lab.
    // oxlint-disable-next-line no-await-in-loop
    const result = await runTrial(trial, plan.logs)
    results.push(result)
    console.log(`${trial.stack}, ${trial.a} and ${trial.b}: ${shown(result)}${notes(result)}`)
  }
  for (const stack of plan.stacks) printTable(stack, results)
  console.log(JSON.stringify({ netlab: 'nat-pairs', summary: summaryOf(plan, results), results }))
  return 0
}

/** What the words of the command line ask for, or the `mistake` in them. */
export function parsePlan(args) {
  const { values } = parseArgs({
    args,
    options: {
      stacks: { type: 'string', default: contestants.join(',') },
      pairs: { type: 'string', default: allPairs() },
      rounds: { type: 'string', default: '1' },
      logs: { type: 'string' },
    },
  })
  const chosen = values.stacks.split(',')
  const pairs = values.pairs.split(',').map((pair) => pair.split(':'))
  if (!/^[1-9]\d{0,3}$/.test(values.rounds)) {
    return { mistake: `--rounds is ${values.rounds}, expected a whole number from 1 to 9999` }
  }
  const noStack = chosen.find((stack) => !contestants.includes(stack))
  const noPair = pairs.find(
    (pair) => pair.length !== 2 || !pair.every((one) => kinds.includes(one)),
  )
  if (noStack !== undefined)
    return { mistake: `no stack ${noStack}; there are: ${contestants.join(', ')}` }
  if (noPair) return { mistake: `${noPair.join(':')} is no pair of two of: ${kinds.join(', ')}` }
  const rounds = Array.from({ length: Number(values.rounds) })
  const trials = chosen.flatMap((stack) =>
    pairs.flatMap(([a, b]) => rounds.map((_, round) => ({ stack, a, b, round }))),
  )
  return { stacks: chosen, trials, logs: values.logs }
}

function allPairs() {
  const four = ['none', 'open', 'moderate', 'strict']
  return four.flatMap((a) => four.map((b) => `${a}:${b}`)).join(',')
}

async function runTrial(trial, logs) {
  const { stack, a, b, round } = trial
  buildLab({ a, b })
  const start = (place, args) => {
    const log = logs && path.resolve(logs, `${stack}-${a}-${b}-${round + 1}-${place}.log`)
    return startProgram({ place, args, log, file: stack === 'udp' ? punch : natPeer })
  }
  const programs = []
  try {
    const isStack = stack !== 'udp'
    const hosts = JSON.stringify({ hosts: publicHosts })
    const network = start('public', isStack ? ['public', stack, hosts] : ['public', publicHosts[0]])
    programs.push(network)
    const { bootstrap = [], relay = [] } = await readyOf(network)
    const told = { topic: randomBytes(32).toString('hex'), bootstrap, relay }
    const peers = Object.entries({ a, b }).map(([side, kind]) => {
      const announce = announced(stack, side, kind)
      const peer = isStack ? [stack, JSON.stringify({ ...told, announce })] : [publicHosts[0]]
      return start(`host${side}`, ['peer', ...peer])
    })
    programs.push(...peers)
    const ready = await Promise.all(peers.map(readyOf))
    peers.forEach(({ child }, at) => {
      child.stdin.write(`${JSON.stringify({ records: [ready[1 - at].record] })}\n`)
    })
    await watchPair(peers, isStack ? limits.pairMs : punchMs)
    return { ...trial, ...verdictOn(peers) }
  } catch (error) {
    return { ...trial, path: 'error', error: error.message }
  } finally {
    await Promise.all(programs.toReversed().map(stopProgram))
  }
}

/** Whoever has a router that forwards everything knows its address, and tells the transport. */
function announced(stack, side, kind) {
  const { forwarded, outside } = stacks[stack] ?? {}
  const write = (kind === 'open' && forwarded) || (kind !== 'none' && outside)
  return write ? [write(outsideAddress(side))] : []
}

async function readyOf(program) {
  const ready = () => program.events.find(({ event }) => event === 'ready')
  if (await until([program], limits.readyMs, () => ready() !== undefined)) return ready()
  throw new Error(`a program was not ready in time: ${program.errors.trim()}`)
}

async function watchPair(peers, pairMs) {
  const everyPeer = (first) => () => peers.every((peer) => first(peer) !== undefined)
  if (!(await until(peers, pairMs, everyPeer(firstMessage)))) return
  await until(peers, limits.upgradeMs, everyPeer(firstDirect))
  await until(peers, limits.settleMs, () => false)
}

function firstMessage({ events }) {
  return events.find(({ event }) => event === 'message')
}

function firstDirect({ events }) {
  return events.find(({ event, relayed }) => /^(?:message|path)$/.test(event) && !relayed)
}

/** Both ends together: the later time, and direct only where both say so. */
function verdictOn(peers) {
  const first = peers.map(firstMessage)
  const said = peers.map(({ errors }) => errors.trim()).filter((text) => text !== '')
  const more = said.length > 0 ? { said } : {}
  if (first.includes(undefined)) return { path: 'none', ...more }
  const isRelayed = first.some(({ relayed }) => relayed)
  const direct = peers.map(firstDirect)
  const becameDirect = isRelayed && !direct.includes(undefined)
  return {
    path: isRelayed ? 'relayed' : 'direct',
    ms: latest(first),
    ...(becameDirect ? { directMs: latest(direct) } : {}),
    // Connections that ended while both were there: an upgrade that breaks what it upgrades.
    broken: Math.max(...peers.map(({ events }) => events.filter(isEnd).length)),
    addresses: peers.map((peer, at) => (firstDirect(peer) ?? first[at]).address),
    ...more,
  }
}

function isEnd({ event }) {
  return event === 'closed'
}

function latest(events) {
  return Math.max(...events.map(({ ms }) => ms))
}

function shown({ path: way, ms, directMs, broken }) {
  if (way === 'none' || way === 'error') return way
  const upgrade = directMs === undefined ? '' : `, direct ${seconds(directMs)}`
  return `${way} ${seconds(ms)}${upgrade}${broken > 0 ? `, ${broken} broken` : ''}`
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
}

function notes({ error, said = [] }) {
  const lines = [...(error === undefined ? [] : [error]), ...said].join('\n').split('\n')
  const text = lines.filter((line) => line !== '').map((line) => `\n  ${line.slice(0, 200)}`)
  return text.slice(0, 8).join('')
}

/** A side down, B across, in the order in which they were tried. */
function printTable(stack, results) {
  const own = results.filter((result) => result.stack === stack)
  const [rows, columns] = [own.map(({ a }) => a), own.map(({ b }) => b)].map(inOrder)
  console.log(`\n${stack}: A down, B across\n\n| A \\ B | ${columns.join(' | ')} |`)
  console.log(`|${' --- |'.repeat(columns.length + 1)}`)
  for (const a of rows) {
    const cells = columns.map((b) =>
      own
        .filter((result) => result.a === a && result.b === b)
        .map(shown)
        .join('; '),
    )
    console.log(`| ${a} | ${cells.join(' | ')} |`)
  }
}

function inOrder(used) {
  return kinds.filter((kind) => used.includes(kind))
}

/** How many trials of each stack ended how. */
function summaryOf(plan, results) {
  const entries = plan.stacks.map((stack) => {
    const own = results.filter((result) => result.stack === stack)
    const count = (holds) => own.filter(holds).length
    return [
      stack,
      {
        trials: own.length,
        direct: count((one) => one.path === 'direct' || one.directMs !== undefined),
        relayed: count((one) => one.path === 'relayed' && one.directMs === undefined),
        none: count((one) => one.path === 'none' || one.path === 'error'),
      },
    ]
  })
  return Object.fromEntries(entries)
}
