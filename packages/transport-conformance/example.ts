import { createSwarm, type Accept, type Medium } from '@vudo/swarm'
import type { Pipe } from '@vudo/transport'
import { testTransport } from '@vudo/transport-conformance'

type Stream = TransformStream<Uint8Array>

/** One end of a pipe out of two streams. */
function endOf(out: Stream, into: Stream): Pipe {
  const [writer, reader] = [out.writable.getWriter(), into.readable.getReader()]
  return {
    maxMessageBytes: 65_535,
    send: (message) => writer.write(message.slice()),
    receive: async () => (await reader.read().catch(() => undefined))?.value,
    close: async () => void (await Promise.allSettled([writer.abort(), reader.cancel()])),
  }
}

const ears = new Map<string, Accept>()
const features = { maxMessageBytes: 65_518, provesPeer: false, discovers: false, dials: true }

function createShout(address: string): Medium {
  return {
    name: 'shout',
    features,
    listen: async (accept) => [ears.set(address, accept) && address],
    dial: async (to) => {
      const [there, back]: [Stream, Stream] = [new TransformStream(), new TransformStream()]
      ears.get(to)?.({ open: async () => endOf(back, there), refuse: () => {} })
      return endOf(there, back)
    },
    close: async () => void ears.delete(address),
  }
}

// The smallest of all runners: one test after another. Yours is `test` of vitest or node:test.
const tests: (() => Promise<void>)[] = []
let count = 0
testTransport('shout', {
  test: (_name, run) => tests.push(run),
  make: (context) => createSwarm(createShout(`shout://${++count}`), context),
  manifest: { features, pipes: false },
  raw: 'none: a pipe in one process has nothing below it',
  cut: 'none: a pipe in one process does not break',
})
for (const run of tests) await run().catch(() => (process.exitCode = 1))
