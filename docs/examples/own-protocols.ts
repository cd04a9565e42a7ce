/**
 * Protocols of one's own beside the documents: a question with one answer, a channel, and
 * values of which only the newest matters. Only members of the database get through.
 */
import { createP2P } from '@vudo/p2p'

const local = {
  storage: 'memory',
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { enableMdns: false },
} as const
const alice = await createP2P(local)
const bob = await createP2P({ ...local, database: alice.ticket })
await Promise.all([alice.start(), bob.start()])
await alice.connectPeer(bob.addresses[0] ?? '')

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (message: Uint8Array | undefined): string => new TextDecoder().decode(message)

// A question with one answer, bounded in time and size.
bob.respond('/example/shout/1', (question) => bytes(text(question).toUpperCase()))
const answer = await alice.request(bob.peerId, '/example/shout/1', bytes('hello'), {
  timeoutMs: 5_000,
  maxResponseBytes: 1_000,
})
console.log('bob shouts', text(answer))

// A channel: messages in order, over whatever connection there is.
bob.handle('/example/echo/1', async (channel) => {
  for await (const message of channel) await channel.send(message)
  await channel.close()
})
const channel = alice.openChannel(bob.peerId, '/example/echo/1', { priority: 'high' })
for (const word of ['one', 'two']) {
  await channel.send(bytes(word))
  console.log('bob echoes', text(await channel.receive()))
}
await channel.close()

// A cursor: whoever reads slowly gets fewer values, and never old ones.
const arrived = Promise.withResolvers<void>()
bob.handleLatest('/example/cursor/1', async (positions) => {
  for await (const position of positions) if (text(position) === '99') arrived.resolve()
})
const cursor = alice.openLatest(bob.peerId, '/example/cursor/1')
for (let position = 0; position < 100; position++) cursor.set(bytes(String(position)))
await arrived.promise
console.log(
  'the newest position has arrived;',
  cursor.replaced > 0 ? 'others gave way' : 'all came',
)

await Promise.all([alice.stop(), bob.stop()])
