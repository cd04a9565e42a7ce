/** Ours in the sync benches with the option `worker`: documents in the main thread of each process, network, storage and engine in a worker. */
import process from 'node:process'
import { createP2P, splice } from '@vudo/p2p'
import { createTypist } from '../support/sync-typing.mjs'
import { usage } from '../support/sync-meter.mjs'
import { answer } from '../support/workers.mjs'

let node
let text
const typist = createTypist({
  length: () => text.current.text.length,
  append: () => text.change((doc) => splice(doc, ['text'], doc.text.length, 0, 'x')),
})

answer({
  usage,
  async start({ directory }) {
    node = await createP2P({
      worker: true,
      dataDir: directory,
      database: 'open:bench',
      mode: 'tcp',
      port: 0,
      bindAddress: '127.0.0.1',
      maxNewConnectionsPerSecond: 1_000,
      discovery: { enableMdns: false },
    })
    await node.start()
    return { address: node.addresses[0] }
  },
  begin: () => openText(),
  async join({ address, text: isReader }) {
    const hubId = await node.connectPeer(address)
    await node.whenSynced({ with: hubId })
    if (isReader) await openText()
  },
  ...typist.actions,
  close: () => node.stop(),
  exit: () => process.exit(),
})

async function openText() {
  text = await node.open('notes/text', { text: '' })
  text.subscribe(() => typist.look())
}
