/** Two nodes that meet, agree and end; prints what kept the process alive at each stage. */
import process from 'node:process'
import { parseTicket } from '@vudo/identity'
import { createP2P } from '@vudo/p2p'

const options = {
  storage: 'memory',
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { interface: '127.0.0.1', serviceType: '_vudolog._tcp' },
} as const
const a = await createP2P(options)
const b = await createP2P({ ...options, database: a.ticket })
const { ticket } = a
await a.writeDoc('notes/a', { text: 'content of a note' })
const before = process.getActiveResourcesInfo()
await Promise.all([a.start(), b.start()])
const during = process.getActiveResourcesInfo()
await a.whenSynced({ with: b.peerId, signal: AbortSignal.timeout(20_000) })
await Promise.all([a.stop(), b.stop()])
// Closed handles are gone some turns later.
const isOpen = (name: string): boolean => /TCP|UDP/.test(name)
for (let turn = 0; turn < 1_000 && process.getActiveResourcesInfo().some(isOpen); turn++) {
  await new Promise((resolve) => setImmediate(resolve))
}
const after = process.getActiveResourcesInfo()
const secret = parseTicket(ticket).secret ?? new Uint8Array()
const secrets = [ticket, Buffer.from(secret).toString('hex'), secret.join(), 'content of a note']
console.log(JSON.stringify({ before, during, after, secrets }))
