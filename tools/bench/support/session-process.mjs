/** One end of a session whose urgent messages are measured (see session.mjs). */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { PING_BYTES } from './contest.mjs'

const [name] = process.argv.slice(2)
const contender = await import(`../contenders/${name}.mjs`)
let urgent

const actions = {
  async serve({ setting }) {
    return { address: await contender.serve(() => {}, setting) }
  },
  async connect({ address, setting }) {
    await contender.connect(address, setting)
    urgent = await contender.openUrgent()
    return {}
  },
  /** Round trips of `count` urgent messages, one every `everyMs`. */
  async idle({ count, everyMs }) {
    return { times: await roundTrips((done) => done < count, everyMs) }
  },
  /** The same for as long as a bulk transfer takes. */
  async busy({ mebibytes, everyMs }) {
    let isDone = false
    const bulk = transfer(mebibytes).then((wallMs) => {
      isDone = true
      return wallMs
    })
    const times = await roundTrips(() => !isDone, everyMs)
    return { times, wallMs: await bulk }
  },
}

async function transfer(mebibytes) {
  const channel = await contender.openBulk()
  const startedMs = performance.now()
  for (let i = 0; i < mebibytes * 16; i++) await channel.send(new Uint8Array(65_536))
  await channel.close()
  return performance.now() - startedMs
}

async function roundTrips(goesOn, everyMs) {
  const times = []
  while (goesOn(times.length)) {
    const startedMs = performance.now()
    await urgent.send(new Uint8Array(PING_BYTES))
    const answer = await urgent.receive()
    if (answer?.byteLength !== PING_BYTES) throw new Error('the urgent message was not answered')
    times.push(performance.now() - startedMs)
    await pause(everyMs)
  }
  return times
}

process.on('message', async (question) => {
  try {
    process.send(await actions[question.type](question))
  } catch (error) {
    process.send({ error: error.stack ?? String(error) })
  }
})
