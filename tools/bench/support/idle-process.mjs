/** One process of the memory test (see idle-connections.mjs): the one that is dialled, or many that dial it. */
import process from 'node:process'
import { answerPings, PING_BYTES } from './contest.mjs'
import { answer, residentKiB } from './workers.mjs'

const [name] = process.argv.slice(2)
const contender = await import(`../contenders/${name}.mjs`)
const ends = []

answer({
  serve: ({ setting }) => contender.serve(answerPings, setting),
  /** Each connection is a node of its own, and is alive. */
  async join({ count, address, setting }) {
    for (let i = 0; i < count; i++) {
      const end = await contender.connect(address, setting)
      await end.send(new Uint8Array(PING_BYTES))
      await end.receive()
      ends.push(end)
    }
  },
  /** How many of them still answer. */
  async alive() {
    const pings = ends.map(async (end) => {
      await end.send(new Uint8Array(PING_BYTES))
      return end.receive()
    })
    return (await Promise.all(pings)).length
  },
  memory: residentKiB,
})
