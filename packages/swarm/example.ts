import { createSwarm, type Accept } from '@vudo/swarm'
import { registeredTransports, registerTransport, type Pipe } from '@vudo/transport'

// Who listens where. Your medium has a socket, a modem or a cable instead.
const acceptByAddress = new Map<string, Accept>()

function openPipes(): [Pipe, Pipe] {
  const there = new TransformStream<Uint8Array>()
  const back = new TransformStream<Uint8Array>()
  return [pipe(there.writable, back.readable), pipe(back.writable, there.readable)]
}

function pipe(out: WritableStream<Uint8Array>, into: ReadableStream<Uint8Array>): Pipe {
  const [writer, reader] = [out.getWriter(), into.getReader()]
  return {
    maxMessageBytes: 65_535,
    send: (message) => writer.write(message.slice()),
    receive: async () => (await reader.read()).value,
    close: async () => void (await Promise.allSettled([writer.close(), reader.cancel()])),
  }
}

registerTransport('loop', (context) => {
  const address = `loop://${context.peerId}`
  const features = { maxMessageBytes: 65_536, provesPeer: false, discovers: false, dials: true }
  return createSwarm(
    {
      name: 'loop',
      features,
      listen: async (accept) => {
        acceptByAddress.set(address, accept)
        return [address]
      },
      dial: async (to) => {
        const [near, far] = openPipes()
        const accept = acceptByAddress.get(to)
        if (!accept) throw new Error(`nobody is at ${to}`)
        accept({ open: async () => far, refuse: () => void far.close() })
        return near
      },
      close: async () => void acceptByAddress.delete(address),
    },
    context,
  )
})

console.log(registeredTransports())
