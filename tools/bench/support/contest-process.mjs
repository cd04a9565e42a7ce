/** One end of a duel (see contest.mjs): a contender's server or client in a process of its own. */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { answerPings, median, PING_BYTES } from './contest.mjs'

const [name] = process.argv.slice(2)
const contender = await import(`../contenders/${name}.mjs`)
let end

const actions = {
  async serve({ setting }) {
    return { address: await contender.serve(answerPings, setting) }
  },
  async connect({ address, setting }) {
    end = await contender.connect(address, setting)
    return {}
  },
  async stream({ messages, messageBytes }) {
    const startedMs = performance.now()
    for (let i = 0; i < messages; i++) await end.send(new Uint8Array(messageBytes))
    // Answered when everything before it has arrived.
    await ping()
    return { wallMs: performance.now() - startedMs }
  },
  async ping({ count }) {
    const times = []
    for (let i = 0; i < count; i++) {
      const startedMs = performance.now()
      await ping()
      times.push(performance.now() - startedMs)
    }
    return { microseconds: 1_000 * median(times) }
  },
  async handshake({ count, pauseMs }) {
    const times = []
    for (let i = 0; i < count; i++) {
      await end.close()
      await pause(pauseMs)
      const startedMs = performance.now()
      end = await end.redial()
      await ping()
      times.push(performance.now() - startedMs)
    }
    return { milliseconds: median(times) }
  },
  async cpu() {
    const { user, system } = process.cpuUsage()
    return { cpuMs: (user + system) / 1_000 }
  },
}

async function ping() {
  await end.send(new Uint8Array(PING_BYTES))
  const answered = await end.receive()
  if (answered?.byteLength !== PING_BYTES)
    throw new Error(`expected ${PING_BYTES} bytes back, got ${answered?.byteLength}`)
}

process.on('message', async (question) => {
  try {
    process.send(await actions[question.type](question))
  } catch (error) {
    process.send({ error: error.stack ?? String(error) })
  }
})
