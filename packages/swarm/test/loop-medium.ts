import { createSwarm, type Accept, type Medium } from '@vudo/swarm'
import {
  TransportError,
  type Discovery,
  type PeerInfo,
  type Pipe,
  type Transport,
  type TransportConfig,
} from '@vudo/transport'
import { fakeContext, peerId } from './fake-context.ts'
import { createVirtualRuntime, type VirtualRuntime } from './virtual-runtime.ts'

/** Who is where, and what the test does to it. */
export interface Loop {
  readonly runtime: VirtualRuntime
  readonly accepts: Map<string, Accept>
  /** Every dial so far: `from>to`. */
  readonly dials: string[]
  /** Both ends of every pipe that was opened. */
  readonly pipes: Pipe[]
  /** Who is announced, by topic. */
  readonly announced: Map<string, Map<string, PeerInfo>>
}

export function createLoop(): Loop {
  return {
    runtime: createVirtualRuntime(),
    accepts: new Map(),
    dials: [],
    pipes: [],
    announced: new Map(),
  }
}

export interface NodeOptions {
  readonly config?: TransportConfig
  readonly discoveries?: readonly Discovery[]
  readonly medium?: Partial<Medium>
}

/** A node at `loop://<n>` whose peer id begins with `n`. */
export function createNode(loop: Loop, n: number, options: NodeOptions = {}): Transport {
  return createSwarm(
    { ...loopMedium(loop, n), ...options.medium },
    fakeContext(peerId(n), options),
    {
      runtime: loop.runtime,
    },
  )
}

export function loopMedium(loop: Loop, n: number): Medium {
  const address = `loop://${n}`
  return {
    name: 'loop',
    features: { maxMessageBytes: 1_000, provesPeer: false, discovers: true, dials: true },
    listen: (accept) => {
      loop.accepts.set(address, accept)
      return Promise.resolve([address])
    },
    dial: (to) => {
      loop.dials.push(`${address}>${to}`)
      const accept = loop.accepts.get(to)
      if (!accept) return Promise.reject(new Error('nobody there'))
      const [near, far] = createPipes()
      loop.pipes.push(near, far)
      accept({
        remoteAddress: address,
        open: () => Promise.resolve(far),
        refuse: () => void far.close(),
      })
      return Promise.resolve(near)
    },
    announce: (topic, { id, addresses }) => {
      const peers = loop.announced.get(topicKey(topic)) ?? new Map<string, PeerInfo>()
      loop.announced.set(topicKey(topic), peers.set(id, { id, address: addresses[0] }))
      return Promise.resolve()
    },
    withdraw: (topic) => {
      loop.announced.get(topicKey(topic))?.delete(peerId(n))
      return Promise.resolve()
    },
    lookup: (topic) => Promise.resolve([...(loop.announced.get(topicKey(topic))?.values() ?? [])]),
    close: () => {
      loop.accepts.delete(address)
      return Promise.resolve()
    },
  }
}

function topicKey(topic: Uint8Array): string {
  return topic.join()
}

/** Two ends of a pipe; sends settle when the other side has taken the message. */
export function createPipes(): [Pipe, Pipe] {
  const there = createLane()
  const back = createLane()
  const close = (): Promise<void> => {
    there.end()
    back.end()
    return Promise.resolve()
  }
  const end = (out: typeof there, into: typeof there): Pipe => ({
    maxMessageBytes: 65_535,
    send: out.send,
    receive: into.receive,
    close,
  })
  return [end(there, back), end(back, there)]
}

function createLane(): {
  send: Pipe['send']
  receive: () => Promise<Uint8Array | undefined>
  end: () => void
} {
  const messages: { bytes: Uint8Array; taken: () => void }[] = []
  const readers: ((message: Uint8Array | undefined) => void)[] = []
  let hasEnded = false
  return {
    send: (bytes) => {
      if (hasEnded) {
        return Promise.reject(new TransportError('ERR_CONNECTION_CLOSED', 'the pipe has ended'))
      }
      const reader = readers.shift()
      if (reader) {
        reader(bytes.slice())
        return Promise.resolve()
      }
      return new Promise((taken) => {
        messages.push({ bytes: bytes.slice(), taken })
        // The handshake and the goodbye do not wait for a reader.
        if (messages.length === 1) taken()
      })
    },
    receive: () => {
      const message = messages.shift()
      message?.taken()
      if (message || hasEnded) return Promise.resolve(message?.bytes)
      return new Promise((resolve) => readers.push(resolve))
    },
    end: () => {
      hasEnded = true
      for (const reader of readers.splice(0)) reader(undefined)
      for (const { taken } of messages) taken()
    },
  }
}
