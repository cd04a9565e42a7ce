/** Everything that happens is an event: listeners for news, an iterable for a sequence at one's own pace. */
import { createP2P } from '@vudo/p2p'

const local = {
  storage: 'memory',
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { enableMdns: false },
} as const
await using alice = await createP2P(local)
await using bob = await createP2P({ ...local, database: alice.ticket })

// A listener: called at each event, until the returned function is called.
const stopListening = alice.events.on('peer:connected', ({ peerId, path }) => {
  console.log('connected over', path.transport, peerId === bob.peerId)
})

// A subscription: an iterable with a bounded buffer of its own.
const documents = alice.events.subscribe({ types: ['document:changed'] })

await Promise.all([alice.start(), bob.start()])
await bob.connectPeer(alice.addresses[0] ?? '')
await bob.writeDoc('users/bob', { name: 'Bob' })

for await (const { type, payload } of documents) {
  console.log(type, payload.path, payload.origin === bob.peerId)
  break
}
stopListening()
