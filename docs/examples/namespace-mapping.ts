/**
 * From names to namespaces: who uses the same name meets in the same place, and everybody
 * has a subspace of her own there. Another version is another place.
 */
import { createP2P } from '@vudo/p2p'

const local = {
  storage: 'memory',
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { enableMdns: false },
  willow: true,
} as const
const phone = await createP2P(local)
const laptop = await createP2P({ ...local, database: phone.ticket })
await Promise.all([phone.start(), laptop.start()])
await laptop.connectPeer(phone.addresses[0] ?? '')

const [alice, bob] = [phone.willow(), laptop.willow()]
const app = await alice.mapNamespace('myapp.v1')
console.log('the same for both:', app === (await bob.mapNamespace('myapp.v1')))
console.log('another version:', app !== (await bob.mapNamespace('myapp.v2')))

// Both write at the same path, each in her own subspace: nothing is overwritten.
const hello = (name: string): Uint8Array => new TextEncoder().encode(`hello from ${name}`)
const [onPhone, onLaptop] = [alice, bob].map(async ({ events }) => {
  const news = events.subscribe({ types: ['payload:changed'] })
  const subspaces = new Set<string>()
  for await (const { payload } of news) {
    subspaces.add(payload.subspace)
    if (subspaces.size === 2) break
  }
})
await alice.writeEntry(app, alice.userId, 'greeting', hello('Alice'))
await bob.writeEntry(app, bob.userId, 'greeting', hello('Bob'))
await Promise.all([onPhone, onLaptop])

for await (const { subspace, path } of bob.list('greeting', { namespace: app })) {
  const text = new TextDecoder().decode(await bob.readEntry(app, subspace, path))
  console.log(subspace === alice.userId ? "Alice's" : "Bob's", path.toString(), '=', text)
}
await Promise.all([phone.stop(), laptop.stop()])
