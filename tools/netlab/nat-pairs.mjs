/**
 * Which pairs of routers each stack gets through: `node tools/netlab/nat-pairs.mjs [stack ...]`,
 * with `--pairs=moderate:strict,...` for some of the 16, `--rounds=N` for more than one try,
 * `--by-key` to have one side dial the other by its key besides, and `--timeout=<ms>` for a dial.
 *
 * It needs Linux, root and the network lab, a script that makes a small internet of network
 * namespaces; `VUDO_NETLAB` is the folder in which its `netlab.sh` lies. Nothing leaves the
 * namespaces. Without the lab it says what is missing, and has nothing to report.
 *
 * The lab's addresses are set aside for documentation, and stacks take such addresses for private
 * ones and make no use of them. So everybody gets another address, as the internet would give it.
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const allStacks = ['tcp', 'libp2p', 'iroh', 'hyperswarm']
const kinds = ['none', 'open', 'moderate', 'strict']
const peerProgram = fileURLToPath(new URL('nat-peer.mjs', import.meta.url))
const publicHosts = [10, 11, 12, 13].map((last) => `11.0.0.${last}`)
const sides = {
  a: { octet: 1, host: 'hosta', gateway: 'nata', across: 'natb' },
  b: { octet: 2, host: 'hostb', gateway: 'natb', across: 'nata' },
}

/** How a stack is told the address at which its router forwards everything; the others find out. */
const outsideAddress = {
  tcp: (host) => `tcp://${host}:34569`,
  libp2p: (host) => `libp2p:///ip4/${host}/tcp/34569`,
}

/** Milliseconds: for a program to be ready, and for a pair from the start to the verdict. */
const limits = { readyMs: 20_000, pairMs: 30_000, upgradeMs: 20_000, settleMs: 1_000 }

const flags = process.argv.slice(2)
const stacks = flags.filter((flag) => !flag.startsWith('--'))
const flag = (name) => flags.find((one) => one.startsWith(`--${name}=`))?.split('=')[1]
const pairs =
  flag('pairs')
    ?.split(',')
    .map((pair) => pair.split(':')) ?? kinds.flatMap((a) => kinds.map((b) => [a, b]))

const wrong = stacks.find((stack) => !allStacks.includes(stack)) ?? pairs.flat().find(isNoKind)
if (wrong !== undefined) {
  console.error(`${wrong} is neither a stack (${allStacks}) nor a kind of router (${kinds})`)
  process.exit(2)
}
const lab = path.join(process.env.VUDO_NETLAB ?? '', 'netlab.sh')
const missing = whatIsMissing()
if (missing !== undefined) {
  console.log(`skipped: ${missing}`)
  process.exit(0)
}
const env = { ...process.env, NETLAB_PREFIX: process.env.NETLAB_PREFIX ?? 's1' }
const running = new Set()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))
process.on('exit', takeDown)
await main()

function isNoKind(kind) {
  return !kinds.includes(kind)
}

function whatIsMissing() {
  if (process.env.VUDO_NETLAB === undefined) {
    return 'no network lab: VUDO_NETLAB names no folder with its netlab.sh'
  }
  if (!existsSync(lab)) return 'no network lab: there is no netlab.sh in the folder of VUDO_NETLAB'
  try {
    execFileSync(lab, ['check'], { encoding: 'utf8', stdio: 'pipe' })
    return undefined
  } catch (error) {
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim().split('\n').join(', ')
    return `the network lab cannot run here: ${said || error.message}`
  }
}

function takeDown() {
  for (const child of running) child.kill('SIGKILL')
  netlab('down')
}

function netlab(...args) {
  return execFileSync(lab, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

function ip(place, ...args) {
  netlab('x', place, 'ip', ...args)
}

async function main() {
  const results = []
  netlab('up')
  netlab('v6', 'a', 'off')
  netlab('v6', 'b', 'off')
  for (const host of publicHosts) ip('relay', 'addr', 'add', `${host}/24`, 'dev', 'wan')
  for (const { octet, gateway } of Object.values(sides)) {
    ip(gateway, 'addr', 'add', `11.0.0.10${octet}/24`, 'dev', 'wan')
    ip(gateway, 'addr', 'add', `11.${octet}.0.1/24`, 'dev', 'lan')
  }
  for (const { octet, across } of Object.values(sides)) {
    for (const place of ['relay', across]) {
      ip(place, 'route', 'add', `11.${octet}.0.0/24`, 'via', `11.0.0.10${octet}`)
    }
  }
  for (const stack of stacks.length > 0 ? stacks : allStacks) {
    for (let round = 0; round < Number(flag('rounds') ?? 1); round++) {
      for (const [a, b] of pairs) {
        // One after the other: there is one lab.
        // oxlint-disable-next-line no-await-in-loop
        const result = await tryPair(stack, a, b)
        results.push(result)
        console.log(JSON.stringify(result))
      }
    }
  }
  for (const stack of new Set(results.map((one) => one.stack))) printTable(stack, results)
}

/** Gives a host the kind of router, and the address that goes with it: a public one where there is no NAT. */
function setKind(side, kind) {
  const { octet, host } = sides[side]
  const [mine, other] = kind === 'none' ? [11, 10] : [10, 11]
  netlab('nat', side, kind)
  ip(host, 'addr', 'replace', `${mine}.${octet}.0.2/24`, 'dev', 'eth0')
  ip(host, 'route', 'replace', 'default', 'via', `${mine}.${octet}.0.1`)
  ip(host, 'addr', 'flush', 'dev', 'eth0', 'to', `${other}.${octet}.0.0/24`)
}

async function tryPair(stack, a, b) {
  setKind('a', a)
  setKind('b', b)
  const publicArgs = publicHosts.map((host) => `host=${host}`)
  const children = [startProgram('relay', [stack, 'public', ...publicArgs])]
  try {
    const [{ bootstrap = [], relay = [] }] = await Promise.all(children.map(readyOf))
    const common = [
      `topic=${randomBytes(32).toString('hex')}`,
      ...(flag('timeout') === undefined ? [] : [`timeout=${flag('timeout')}`]),
      ...bootstrap.map((address) => `bootstrap=${address}`),
      ...relay.map((address) => `relay=${address}`),
    ]
    const peers = Object.entries({ a, b }).map(([side, kind]) => {
      const { octet, host } = sides[side]
      // Whoever forwards a port knows the address outside, and tells the transport.
      const outside = kind === 'open' ? outsideAddress[stack]?.(`11.0.0.10${octet}`) : undefined
      const own = outside === undefined ? [] : [`announce=${outside}`]
      return startProgram(host, [stack, 'peer', ...common, ...own])
    })
    children.push(...peers)
    const ready = await Promise.all(peers.map(readyOf))
    const startMs = performance.now()
    peers.forEach(({ child }, at) => {
      const { record, peerId } = ready[1 - at]
      const isDialling = flags.includes('--by-key') && at === 0
      const go = { records: [record], ...(isDialling ? { dial: `${stack}://${peerId}` } : {}) }
      child.stdin.write(`${JSON.stringify(go)}\n`)
    })
    await verdict(peers, startMs)
    return { stack, a, b, ...summary(peers) }
  } catch (error) {
    return { stack, a, b, connected: false, error: error.message }
  } finally {
    await Promise.all(children.toReversed().map(stopProgram))
  }
}

function startProgram(place, args) {
  const child = spawn(lab, ['x', place, process.execPath, peerProgram, ...args], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const program = { child, events: [], errors: '', news: Promise.withResolvers() }
  running.add(child)
  child.stdin.on('error', () => undefined)
  child.stderr.on('data', (text) => (program.errors = `${program.errors}${text}`.slice(-2_000)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    program.events.push(JSON.parse(line))
    program.news.resolve()
    program.news = Promise.withResolvers()
  })
  child.on('exit', () => {
    running.delete(child)
    program.news.resolve()
  })
  return program
}

async function stopProgram({ child }) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.stdin.end()
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(late)
}

/** Waits until it holds, or for `ms`; tells which. */
async function until(programs, ms, holds) {
  const end = performance.now() + ms
  while (!holds()) {
    const leftMs = end - performance.now()
    if (leftMs <= 0) return false
    const late = Promise.withResolvers()
    const timer = setTimeout(late.resolve, leftMs)
    // Something new, then another look.
    // oxlint-disable-next-line no-await-in-loop
    await Promise.race([late.promise, ...programs.map(({ news }) => news.promise)])
    clearTimeout(timer)
    const dead = programs.find(({ child }) => child.exitCode !== null || child.signalCode !== null)
    if (dead && !holds()) throw new Error(`a program ended: ${dead.errors.trim()}`)
  }
  return true
}

async function readyOf(program) {
  const isReady = () => program.events.some(({ event }) => event === 'ready')
  if (await until([program], limits.readyMs, isReady)) return program.events[0]
  throw new Error(`a program was not ready in time: ${program.errors.trim()}`)
}

/** Waits for both ends' first message, and, when it came by a relay, for the direct path. */
async function verdict(peers, startMs) {
  const leftMs = (limit) => limit - (performance.now() - startMs)
  const hasHeard = () => peers.every((peer) => firstMessage(peer))
  if (!(await until(peers, leftMs(limits.pairMs), hasHeard))) return
  const isDirect = () => peers.every((peer) => firstDirect(peer))
  await until(peers, leftMs(limits.upgradeMs), isDirect)
  // Does it stay?
  await until(peers, limits.settleMs, () => false)
}

function firstMessage({ events }) {
  return events.find(({ event }) => event === 'message')
}

function firstDirect({ events }) {
  return events.find(({ event, relayed }) => /^(?:message|path)$/.test(event) && !relayed)
}

/** Both ends together: the later time, and direct only where both say so. */
function summary(peers) {
  const first = peers.map(firstMessage)
  const connected = first.every((one) => one !== undefined)
  const failures = peers.flatMap(({ events }) => events.filter(({ event }) => /error/.test(event)))
  if (!connected) return { connected, failures, stderr: errorsOf(peers) }
  const relayed = first.some((one) => one.relayed)
  const direct = peers.map(firstDirect)
  const isDirect = direct.every((one) => one !== undefined)
  const ends = peers.map(({ events }) => events.filter(({ event }) => event === 'closed').length)
  return {
    connected,
    first: relayed ? 'relayed' : 'direct',
    ms: Math.max(...first.map(({ ms }) => ms)),
    ...(relayed && isDirect ? { directMs: Math.max(...direct.map(({ ms }) => ms)) } : {}),
    // Connections that ended before the end: an upgrade that breaks what it upgrades.
    broken: Math.max(...ends),
    ...(Math.max(...ends) > 0 ? { events: peers.map(({ events }) => events.slice(1)) } : {}),
    dialledBy: first[0].outbound ? 'a' : 'b',
    addresses: direct.map((one, at) => (one ?? first[at]).address),
    stderr: errorsOf(peers),
  }
}

function errorsOf(peers) {
  return peers.map(({ errors }) => errors.trim()).filter((text) => text !== '')
}

function printTable(stack, results) {
  console.log(`\n${stack}, A down, B across\n\n| A \\ B | ${kinds.join(' | ')} |`)
  console.log(`|${' --- |'.repeat(kinds.length + 1)}`)
  for (const a of kinds) {
    const cells = kinds.map((b) =>
      results
        .filter((one) => one.stack === stack && one.a === a && one.b === b)
        .map(shown)
        .join('; '),
    )
    console.log(`| ${a} | ${cells.join(' | ')} |`)
  }
}

function shown({ connected, first, ms, directMs, broken }) {
  if (!connected) return 'none'
  const upgrade = directMs === undefined ? '' : `, direct ${directMs}`
  return `${first} ${ms}${upgrade}${broken > 0 ? ` (${broken} broken)` : ''}`
}
