/**
 * Two nodes, each a process of its own, sync one document over TCP.
 *
 *   node docs/examples/simple-sync.ts            starts both
 *   node docs/examples/simple-sync.ts node1      starts one, and prints the line for the other
 *   node docs/examples/simple-sync.ts node2 <ticket> <address>
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { createP2P } from '@vudo/p2p'

type Note = { lines: string[] }

const [role, ticket, address] = process.argv.slice(2)
if (role === 'node1') await node1()
else if (role === 'node2' && ticket !== undefined && address !== undefined)
  await node2(ticket, address)
else await both()

/** Writes the first line, and waits for the second. */
async function node1(): Promise<void> {
  await using p2p = await createP2P({
    storage: 'memory',
    bindAddress: '127.0.0.1',
    port: 0,
    discovery: { enableMdns: false },
  })
  await p2p.start()
  const note = await p2p.open<Note>('notes/hello', { lines: [] })
  note.change((draft) => {
    draft.lines.push('node1 was here')
  })
  console.log(`node2 ${p2p.ticket} ${p2p.addresses[0]}`)
  for await (const { origin } of note.changes()) {
    if (origin !== 'local' && note.current.lines.length === 2) break
  }
  console.log(note.current.lines.toSorted().join(', '))
  await note.whenSynced({ with: 'any' })
}

/** Waits for the first line, and writes the second. */
async function node2(database: string, peer: string): Promise<void> {
  await using p2p = await createP2P({
    storage: 'memory',
    database,
    bindAddress: '127.0.0.1',
    port: 0,
    discovery: { enableMdns: false },
  })
  await p2p.start()
  const peerId = await p2p.connectPeer(peer)
  const note = await p2p.open<Note>('notes/hello', { lines: [] })
  note.change((draft) => {
    draft.lines.push('node2 was here')
  })
  await note.whenSynced({ with: peerId })
}

/** Starts both as processes and passes node1's line on to node2. */
async function both(): Promise<void> {
  const self = process.argv[1] ?? ''
  const first = spawn(process.execPath, [self, 'node1'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exits = [once(first, 'exit')]
  for await (const line of createInterface(first.stdout)) {
    if (line.startsWith('node2 ')) {
      const second = spawn(process.execPath, [self, ...line.split(' ')], { stdio: 'inherit' })
      exits.push(once(second, 'exit'))
    } else console.log(line)
  }
  const statuses = (await Promise.all(exits)).map(([status]: unknown[]) => status)
  process.exitCode = statuses.every((status) => status === 0) ? 0 : 1
}
