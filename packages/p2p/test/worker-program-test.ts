/** Ends by itself when nothing is to be done any more; prints how far it came. Argument: folder. */
import process from 'node:process'
import { createP2P } from '@vudo/p2p'

const node = await createP2P({
  worker: true,
  dataDir: process.argv[2],
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { enableMdns: false },
})
process.stdout.write('opened\n')
const list = await node.open('lists/a', { items: [] as number[] })
list.change((doc) => doc.items.push(1))
await list.whenSaved()
process.stdout.write('edited\n')
await node.start()
process.stdout.write('started\n')
// Nothing of this thread but the node itself keeps the program alive now.
setTimeout(() => void node.stop().then(() => process.stdout.write('stopped\n')), 50).unref()
