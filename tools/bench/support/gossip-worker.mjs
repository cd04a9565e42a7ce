/**
 * Some of the nodes of a gossip contest, in one process: `createNodes` of a contender makes them.
 * A node has `address`, `dial(address)`, `ready(count)`, `publish(bytes)` and tells each message
 * to `onMessage`.
 */
import process from 'node:process'
import { answer } from './workers.mjs'

/** The monotonic clock of the machine, the same in every process, in milliseconds. */
export function machineMs() {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Serves the questions of `gossip.mjs`. */
export function serve(createNode) {
  const nodes = []
  const delaysMs = []
  const copies = new Set()
  let twice = 0
  function onMessage(index, bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const number = view.getFloat64(8)
    // Those below 0 warm the processes up.
    if (number < 0) return
    delaysMs.push(machineMs() - view.getFloat64(0))
    const copy = `${index}/${number}`
    if (copies.has(copy)) twice += 1
    copies.add(copy)
  }
  answer({
    async start({ count }) {
      for (let i = 0; i < count; i++) {
        nodes.push(await createNode((bytes) => onMessage(i, bytes)))
      }
      return nodes.map(({ address }) => address)
    },
    async dial({ index, address }) {
      await nodes[index].dial(address)
    },
    async ready({ counts }) {
      await Promise.all(nodes.map((node, i) => node.ready(counts[i])))
    },
    async publish({ index, number, size }) {
      const bytes = new Uint8Array(size)
      const view = new DataView(bytes.buffer)
      view.setFloat64(0, machineMs())
      view.setFloat64(8, number)
      await nodes[index].publish(bytes)
    },
    async delays() {
      return { delaysMs, twice }
    },
  })
}
