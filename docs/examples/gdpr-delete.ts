/**
 * Erasing what is kept about a person: here at once, on a device that is away when it comes
 * back. The receipt says who has confirmed and who has not been seen.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createP2P } from '@vudo/p2p'

const folder = await mkdtemp(path.join(tmpdir(), 'vudo-example-'))
const local = {
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { enableMdns: false },
  willow: true,
} as const
const office = await createP2P({ ...local, dataDir: path.join(folder, 'office') })
const tablet = await createP2P({
  ...local,
  dataDir: path.join(folder, 'tablet'),
  database: office.ticket,
})
await Promise.all([office.start(), tablet.start()])
await tablet.connectPeer(office.addresses[0] ?? '')

// Numbers and not names: the path outlives the data.
const clinic = await office.willow().mapNamespace('clinic.v1')
await tablet.willow().mapNamespace('clinic.v1')
const { userId } = office.willow()
const onTablet = tablet.willow().events.once('payload:changed')
const note = new TextEncoder().encode('slept well')
await office.willow().writeEntry(clinic, userId, 'patients/p-118/note-1', note)
await onTablet

// The tablet is away when the request comes.
await tablet.stop()
const receipt = await office.willow().erase('patients/p-118', { reason: 'request 2026-118' })
console.log(String(receipt))

// When it is back, it erases and confirms.
await tablet.start()
await tablet.willow().mapNamespace('clinic.v1')
await tablet.connectPeer(office.addresses[0] ?? '')
const { confirmed, waiting } = await receipt.whenConfirmed({ by: 'known', timeoutMs: 20_000 })
console.log(`${confirmed.length} other device erased, ${waiting.length} not seen yet`)
console.log(String(receipt))
console.log(
  'on the tablet:',
  await tablet.willow().readEntry(clinic, userId, 'patients/p-118/note-1'),
)

await Promise.all([office.stop(), tablet.stop()])
await rm(folder, { recursive: true })
