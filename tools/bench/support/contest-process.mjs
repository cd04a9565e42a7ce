/** One end of a duel (see contest.mjs): a contender's server or client in a process of its own. */
import process from 'node:process'
import { PING_BYTES } from './contest.mjs'

const [name] = process.argv.slice(2)
const contender = await import(`../contenders/${name}.mjs`)
let end

const actions = {
  async serve() {
    return { address: await contender.serve(answer) }
  },
  async connect({ address }) {
    end = await contender.connect(address)
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
    return { microseconds: 1_000 * times.toSorted((a, b) => a - b)[count >> 1] }
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

/** The server's side of every contender: counts, and answers pings. */
async function answer(serverEnd) {
  for (;;) {
    const message = await serverEnd.receive()
    if (message === undefined) return
    if (message.byteLength === PING_BYTES) await serverEnd.send(message)
  }
}

process.on('message', async (question) => {
  try {
    process.send(await actions[question.type](question))
  } catch (error) {
    process.send({ error: error.stack ?? String(error) })
  }
})
