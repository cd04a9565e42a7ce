/** Two devices edit the same document while they are apart; both edits are there when they meet. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createP2P } from '@vudo/p2p'

type Trip = { packed: string[] }

const folder = await mkdtemp(path.join(tmpdir(), 'vudo-example-'))
const local = { bindAddress: '127.0.0.1', port: 0, discovery: { enableMdns: false } } as const
const phone = await createP2P({ ...local, dataDir: path.join(folder, 'phone') })
const laptop = await createP2P({
  ...local,
  dataDir: path.join(folder, 'laptop'),
  database: phone.ticket,
})

// Offline: nothing was started, so nothing touches the network. Everything works and is kept.
const onPhone = await phone.open<Trip>('trips/alps', { packed: [] })
onPhone.change((trip) => {
  trip.packed.push('tent')
})
const onLaptop = await laptop.open<Trip>('trips/alps', { packed: [] })
onLaptop.change((trip) => {
  trip.packed.push('stove')
})
console.log(phone.status.state, onPhone.current.packed, onLaptop.current.packed)

// Online: both meet, and both edits are there.
await Promise.all([phone.start(), laptop.start()])
await laptop.connectPeer(phone.addresses[0] ?? '')
await Promise.all([
  onPhone.whenSynced({ with: laptop.peerId }),
  onLaptop.whenSynced({ with: phone.peerId }),
])
console.log('together', onPhone.current.packed.toSorted(), onLaptop.current.packed.toSorted())

await Promise.all([phone.stop(), laptop.stop()])
await rm(folder, { recursive: true })
