import { createNodeKey, signPeerRecord } from '@vudo/identity'
import { mdns } from '@vudo/discovery-mdns'
import { deriveTopic } from '@vudo/topic'

// Loopback keeps the example on this machine; leave `interface` out for the local network.
const [here, there] = [0, 1].map(() => mdns({ interface: '127.0.0.1', port: 45_353 }))
const topic = deriveTopic('vudo-demo')
const content = {
  addresses: ['tcp://127.0.0.1:34569'],
  sequence: 1,
  sealingKey: new Uint8Array(32),
}
const record = signPeerRecord(createNodeKey(), { ...content, expiresAtMs: Date.now() + 3_600_000 })

await there?.announce(topic, record)
for (const peer of (await here?.lookup(topic)) ?? []) console.log(peer.peerId, peer.addresses)
await Promise.all([here?.close(), there?.close()])
