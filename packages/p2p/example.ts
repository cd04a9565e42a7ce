import { createP2P } from '@vudo/p2p'

// Two devices, here in one program. With no options at all a node keeps its documents
// on disk and finds its peers on the local network by itself.
const local = {
  storage: 'memory',
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { interface: '127.0.0.1' },
} as const
const phone = await createP2P(local)
const laptop = await createP2P({ ...local, database: phone.ticket })
await Promise.all([phone.start(), laptop.start()])

type List = { items: string[] }
const onPhone = await phone.open<List>('lists/shopping', { items: [] })
onPhone.change((list) => list.items.push('milk'))
await onPhone.whenSynced({ with: laptop.peerId })

console.log(await laptop.readDoc<List>('lists/shopping'))
await Promise.all([phone.stop(), laptop.stop()])
