import { createDisabledTransport } from '@vudo/transport-disabled'

const transport = createDisabledTransport()
const topic = new Uint8Array(32)
await transport.announce(topic)
console.log(await transport.lookup(topic))

const leaving = new AbortController()
setTimeout(() => {
  leaving.abort()
}, 10)
const connections = transport.connect(topic, { signal: leaving.signal })
for await (const connection of connections) console.log('never', connection.peerId)
await transport.disconnect()
