/**
 * Measures contenders that talk between two processes: CPU time of both processes for a
 * stream of large messages, and the round trip of small ones.
 *
 * A contender is a module `contenders/<name>.mjs` with `serve(answer, setting)`, which gives an
 * address, and `connect(address, setting)`, both giving ends `{ send(bytes), receive() }`. The
 * server counts what it receives and answers every message of 64 bytes with the same bytes. An
 * end that has `close()` and `redial()` too can have its handshakes measured.
 */
import { fork } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

/** Before anything is measured, in each round: until the compiler has nothing left to do for any contender. */
const WARM_UP_MEBIBYTES = 512
const WARM_UP_PINGS = 10_000

/** Pings are measured in batches, and the fastest batch counts: the others measure what else the machine did. */
const PING_BATCHES = 8

/** A peer that has gone is known to be gone after this; its next dial is a new connection. */
const REDIAL_PAUSE_MS = 50

/** Handshakes before those that count. */
const WARM_UP_HANDSHAKES = 10

/** Bytes of a question that is answered. */
export const PING_BYTES = 64

/** The server's side of every contender: counts, and answers pings. */
export async function answerPings(end) {
  for (;;) {
    const message = await end.receive()
    if (message === undefined) return
    if (message.byteLength === PING_BYTES) await end.send(message)
  }
}

/**
 * Runs `rounds` rounds, each with every contender once, in an order that turns, so that
 * what else the machine does hits all alike. Gives the medians by contender.
 */
export async function contest(names, { rounds = 5, ...options }) {
  const rowsByName = new Map(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]
      process.stderr.write(`round ${round + 1} of ${rounds}: ${name}\n`)
      rowsByName.get(name).push(await duel(name, options))
    }
  }
  return Object.fromEntries([...rowsByName].map(([name, rows]) => [name, medians(rows)]))
}

/** One contender once: a server process and a client process of its own. */
async function duel(name, options) {
  const server = startProcess(name, 'server')
  const client = startProcess(name, 'client')
  const { setting, handshakes = 0 } = options
  try {
    const { address } = await server.ask({ type: 'serve', setting })
    await client.ask({ type: 'connect', address, setting })
    return {
      ...(await measureStream(server, client, options)),
      ...(await measurePings(client, options)),
      ...(handshakes > 0 ? await measureHandshakes(client, handshakes) : {}),
    }
  } finally {
    await Promise.all([server.end(), client.end()])
  }
}

async function measureStream(server, client, options) {
  const { mebibytes = 192, messageBytes = 65_536 } = options
  const { warmUpMebibytes = WARM_UP_MEBIBYTES, warmUpPings = WARM_UP_PINGS } = options
  const stream = (size) =>
    client.ask({
      type: 'stream',
      messages: Math.ceil((size * 1_048_576) / messageBytes),
      messageBytes,
    })
  await stream(warmUpMebibytes)
  await client.ask({ type: 'ping', count: warmUpPings })
  const before = await cpuOf(server, client)
  const { wallMs } = await stream(mebibytes)
  const after = await cpuOf(server, client)
  return {
    cpuMsPerMiB: (after - before) / mebibytes,
    mibPerSecond: (mebibytes * 1_000) / wallMs,
  }
}

async function measurePings(client, { pings = 1_000 }) {
  const batches = []
  for (let batch = 0; batch < PING_BATCHES; batch++) {
    batches.push((await client.ask({ type: 'ping', count: pings })).microseconds)
  }
  return { rttMicroseconds: Math.min(...batches) }
}

/** From the dial to the first echo, as peers that have met before. */
async function measureHandshakes(client, count) {
  const ask = (times) => client.ask({ type: 'handshake', count: times, pauseMs: REDIAL_PAUSE_MS })
  await ask(WARM_UP_HANDSHAKES)
  const { milliseconds } = await ask(count)
  return { handshakeMs: milliseconds }
}

async function cpuOf(...processes) {
  const usages = await Promise.all(processes.map((one) => one.ask({ type: 'cpu' })))
  return usages.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
}

/** A child process that answers one question at a time. */
export function startProcess(name, role, script = new URL('contest-process.mjs', import.meta.url)) {
  const child = fork(fileURLToPath(script), [name, role], {
    execArgv: ['--import', new URL('compiled.mjs', import.meta.url).href],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = new Promise((resolve) => void child.once('exit', resolve))
  let waiting
  child.on('message', (message) => {
    const { resolve, reject } = waiting
    waiting = undefined
    if (message.error === undefined) resolve(message)
    else reject(new Error(`${name} ${role}: ${message.error}`))
  })
  child.once('exit', (status) =>
    waiting?.reject(new Error(`${name} ${role} ended with status ${status}`)),
  )
  return {
    ask(question) {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        child.send(question)
      })
    },
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}

/** The middle value of each column. */
export function medians(rows) {
  return Object.fromEntries(
    Object.keys(rows[0]).map((key) => [key, median(rows.map((row) => row[key]))]),
  )
}

/** The middle value: one round in which the machine did something else says nothing. */
export function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
