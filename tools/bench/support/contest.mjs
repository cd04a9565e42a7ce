/**
 * Measures contenders that talk between two processes: CPU time of both processes for a
 * stream of large messages, and the round trip of small ones.
 *
 * A contender is a module `contenders/<name>.mjs` with `serve(port)` and `connect(address)`,
 * each giving pairs of ends `{ send(bytes), receive() }`. The server counts what it
 * receives and answers every message of 64 bytes with the same bytes.
 */
import { fork } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

/** Before anything is measured, in each round: until the compiler has nothing left to do for any contender. */
const WARM_UP_MEBIBYTES = 512
const WARM_UP_PINGS = 10_000

/** Pings are measured in batches, and the fastest batch counts: the others measure what else the machine did. */
const PING_BATCHES = 8

/** Bytes of a question that is answered. */
export const PING_BYTES = 64

/**
 * Runs `rounds` rounds, each with every contender once, in an order that turns, so that
 * what else the machine does hits all alike. Gives the medians by contender.
 */
export async function contest(
  names,
  { rounds = 5, mebibytes = 192, messageBytes = 65_536, pings = 1_000 },
) {
  const rowsByName = new Map(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]
      process.stderr.write(`round ${round + 1} of ${rounds}: ${name}\n`)
      rowsByName.get(name).push(await duel(name, { mebibytes, messageBytes, pings }))
    }
  }
  return Object.fromEntries([...rowsByName].map(([name, rows]) => [name, medians(rows)]))
}

/** One contender once: a server process and a client process of its own. */
async function duel(name, { mebibytes, messageBytes, pings }) {
  const server = startProcess(name, 'server')
  const client = startProcess(name, 'client')
  try {
    const { address } = await server.ask({ type: 'serve' })
    await client.ask({ type: 'connect', address })
    const stream = (size) =>
      client.ask({
        type: 'stream',
        messages: Math.ceil((size * 1_048_576) / messageBytes),
        messageBytes,
      })
    await stream(WARM_UP_MEBIBYTES)
    await client.ask({ type: 'ping', count: WARM_UP_PINGS })
    const before = await cpuOf(server, client)
    const { wallMs } = await stream(mebibytes)
    const after = await cpuOf(server, client)
    const batches = []
    for (let batch = 0; batch < PING_BATCHES; batch++) {
      batches.push((await client.ask({ type: 'ping', count: pings })).microseconds)
    }
    return {
      cpuMsPerMiB: (after - before) / mebibytes,
      mibPerSecond: (mebibytes * 1_000) / wallMs,
      rttMicroseconds: Math.min(...batches),
    }
  } finally {
    await Promise.all([server.end(), client.end()])
  }
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
