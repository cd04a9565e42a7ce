import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import type { Pipe } from '@vudo/transport'

// Stands for a medium that carries whole messages in order, and proves nothing.
const queues = [new TransformStream<Uint8Array>(), new TransformStream<Uint8Array>()] as const
const pipe = (from: 0 | 1): Pipe => {
  const writer = queues[from].writable.getWriter()
  const reader = queues[from === 0 ? 1 : 0].readable.getReader()
  const close = async () => void (await Promise.allSettled([writer.close(), reader.cancel()]))
  const receive = async () => (await reader.read()).value
  return { maxMessageBytes: 65_535, send: (message) => writer.write(message), receive, close }
}

const [alice, bob] = [createNodeKey(), createNodeKey()]
const path = { transport: 'example', relayed: false }
const [dialled, answered] = await Promise.all([
  createTransportContext(alice).secure(pipe(0), { initiator: true, expected: bob.peerId, path }),
  createTransportContext(bob).secure(pipe(1), { initiator: false, path }),
])
await dialled.send(new TextEncoder().encode('hello'))
const message = await answered.receive()
console.log(answered.peerId === alice.peerId, new TextDecoder().decode(message?.bytes))
await dialled.close()
