/**
 * Two whole nodes behind routers, with what they need on the public network: the stage of
 * the scenarios in which numbered messages flow over one session.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildLab, outsideAddress, publicHosts } from './lab.mjs'
import { startProgram, stopProgram, until } from './program.mjs'

/** Milliseconds: until a program is ready, both have heard the other, and a path is direct; until everything sent has come in. */
export const limits = { readyMs: 30_000, meetMs: 30_000, directMs: 20_000, finishMs: 60_000 }

/** Milliseconds between two looks at whether messages arrive again. */
const lookMs = 50

/** What a node uses unless a scenario says otherwise: a way for every router, and the best first. */
export const allTransports = ['tcp', 'hyperswarm', 'relay']

const wholeNode = fileURLToPath(new URL('whole-node.mjs', import.meta.url))

/**
 * Builds the lab, starts relay, DHT and both nodes, gives them to `play`, and ends all of it.
 * The nodes are made, and have not joined the network.
 *
 * @param kinds - The kinds of both routers: `{a, b}`.
 * @param isBuilt - True when the caller has built the lab.
 */
export async function withScene(options, play) {
  const { kinds, transports = allTransports, relayPort = 8080, isBuilt = false } = options
  if (!isBuilt) buildLab(kinds)
  const programs = []
  const start = (place, role, told) => {
    const log = options.logs && path.resolve(options.logs, `${options.name}-${place}.log`)
    if (options.logs) mkdirSync(options.logs, { recursive: true })
    const args = [role, JSON.stringify(told)]
    const program = startProgram({ place, args, log, file: wholeNode })
    programs.push(program)
    return program
  }
  try {
    const open = start('public', 'public', { hosts: publicHosts, relayPort })
    const { relays, bootstrap } = await eventOf(open, 'ready', limits.readyMs)
    const nodeAt = async (side, database) => {
      const told = { transports, relays, bootstrap, database }
      const announce = kinds[side] === 'open' ? [`tcp://${outsideAddress(side)}:34569`] : []
      const program = start(`host${side}`, 'node', { ...told, announce })
      return { program, ready: await eventOf(program, 'ready', limits.readyMs) }
    }
    const a = await nodeAt('a')
    const b = await nodeAt('b', a.ready.ticket)
    const peers = [a.program, b.program]
    try {
      return await play({ a: a.program, b: b.program, peers })
    } finally {
      if (options.logs) writeEvents(path.resolve(options.logs, options.name), peers)
    }
  } finally {
    await Promise.all(programs.toReversed().map(stopProgram))
  }
}

function writeEvents(name, peers) {
  peers.forEach(({ events }, at) => {
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('')
    writeFileSync(`${name}-${'ab'[at]}.jsonl`, text)
  })
}

/** Gives a node an order. */
export function order({ child }, what, more = {}) {
  child.stdin.write(`${JSON.stringify({ do: what, ...more })}\n`)
}

/** The first event of a kind; those before `from` do not count. @throws when it does not come in time. */
export async function eventOf(program, type, ms, from = 0) {
  const find = () => program.events.slice(from).find(({ event }) => event === type)
  if (await until([program], ms, () => find() !== undefined)) return find()
  throw new Error(`no ${type} within ${ms} ms: ${program.errors.trim()}`)
}

/** Both join the network; tells after how long each had the other's first message, or `undefined` when they do not meet. */
export async function meet({ peers }) {
  for (const peer of peers) order(peer, 'start')
  const firsts = () => peers.map(({ events }) => events.find(({ event }) => event === 'message'))
  if (!(await until(peers, limits.meetMs, () => !firsts().includes(undefined)))) return undefined
  return Math.max(...firsts().map(({ ms }) => ms))
}

/** How the session of a node is reached now. */
export function pathOf({ events }) {
  return events.findLast(({ event }) => event === 'path')
}

/** Waits until both use a direct path; tells when the later one did, or `undefined`. */
export async function becomeDirect({ peers }, ms = limits.directMs) {
  const isDirect = () => peers.every((peer) => pathOf(peer)?.relayed === false)
  if (!(await until(peers, ms, isDirect))) return undefined
  return Math.max(...peers.map((peer) => pathOf(peer).ms))
}

/** Lets messages flow for a while. */
export async function flow({ peers }, ms) {
  await until(peers, ms, () => peers.some(({ events }) => events.some(isBroken)))
}

/** What went in and came out since the last call, of both directions. */
export async function mark({ peers }) {
  const from = peers.map(({ events }) => events.length)
  for (const peer of peers) order(peer, 'mark')
  return Promise.all(peers.map((peer, at) => eventOf(peer, 'mark', limits.readyMs, from[at])))
}

/** Ends the messages and counts: what was sent and did not come, or came twice, and the longest silence. */
export async function finish({ peers }, ms = limits.finishMs) {
  for (const peer of peers) order(peer, 'finish')
  const isOver = await until(peers, ms, () => peers.every(hasCounted))
  const ends = peers.map(({ events }) => ({
    sent: events.find(({ event }) => event === 'sent')?.sent,
    received: events.find(({ event }) => event === 'received'),
    sessions: events.filter(({ event }) => event === 'session:started').length,
    broken: events.find(isBroken)?.code,
  }))
  if (!isOver || ends.some(({ broken }) => broken !== undefined)) return brokenFlow(ends)
  return {
    ...totals(ends),
    sessions: Math.max(...ends.map(({ sessions }) => sessions)),
    paths: peers.map(pathsOf),
  }
}

function hasCounted({ events }) {
  if (events.some(isBroken)) return true
  return ['sent', 'received'].every((type) => events.some(({ event }) => event === type))
}

function brokenFlow(ends) {
  const codes = ends.map(({ broken }) => broken).filter((code) => code !== undefined)
  return { broken: codes.join(', ') || 'messages did not all come in time' }
}

function totals(ends) {
  const [one, other] = ends
  const sum = (of) => of(one) + of(other)
  const worst = (of) => Math.max(of(one), of(other))
  return {
    messages: sum(({ sent }) => sent),
    lost: missing(one, other) + missing(other, one),
    doubled: sum(({ received }) => received.doubled),
    // One that overtakes leaves a gap that is counted when it opens.
    reordered: sum(({ received }) => received.lost),
    silenceMs: worst(({ received }) => received.silenceMs),
  }
}

function missing(from, to) {
  return from.sent - to.received.received
}

/** The ways that a node went, one after the other. */
function pathsOf({ events }) {
  const all = events.filter(({ event }) => event === 'path').map(wayOf)
  return all.filter((way, at) => way !== all[at - 1])
}

/** A path in a word. */
export function wayOf({ transport, relayed }) {
  return relayed && transport !== 'relay' ? `${transport} relayed` : transport
}

function isBroken({ event }) {
  return event === 'broken'
}

/** The only flag of most scenarios. */
export function parseLogs(args) {
  return parseArgs({ args, options: { logs: { type: 'string' } } }).values.logs
}

/** Milliseconds until both hear each other again; new orders are answered by what came since the last mark. */
export async function recovery(scene, ms = limits.meetMs) {
  const startMs = performance.now()
  const silent = new Set(scene.peers)
  while (silent.size > 0) {
    if (performance.now() - startMs > ms) throw new Error(`no messages within ${ms} ms`)
    // oxlint-disable-next-line no-await-in-loop
    const marks = await mark(scene)
    scene.peers.forEach((peer, at) => marks[at].count > 0 && silent.delete(peer))
    // oxlint-disable-next-line no-await-in-loop
    if (silent.size > 0) await flow(scene, lookMs)
  }
  return Math.round(performance.now() - startMs)
}
