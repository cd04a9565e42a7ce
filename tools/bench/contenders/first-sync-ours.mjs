/** One side of the first sync: a node of `@vudo/p2p` that knows a ticket and nothing else. */
import { createP2P } from '@vudo/p2p'
import { answer } from '../support/workers.mjs'

let p2p

answer({
  async prepare({ database }) {
    p2p = await createP2P({
      storage: 'memory',
      database,
      port: 0,
      bindAddress: '127.0.0.1',
      discovery: { interface: '127.0.0.1' },
    })
    if (database === undefined) await p2p.writeDoc('notes/first', { text: 'hello' })
    return { ticket: p2p.ticket }
  },
  async start() {
    await p2p.start()
  },
  /** Settles when the document of the other side can be read here. */
  async seen() {
    const changes = p2p.changes('notes')[Symbol.asyncIterator]()
    const next = changes.next()
    if ((await p2p.readDoc('notes/first')) === undefined) await next
    return p2p.readDoc('notes/first')
  },
})
