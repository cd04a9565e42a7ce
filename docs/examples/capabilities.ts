/**
 * A chief lets a nurse read and write about one patient, and no other: rights are one word
 * each, checked by every device for itself.
 */
import { createP2P } from '@vudo/p2p'

const local = {
  storage: 'memory',
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { enableMdns: false },
  willow: true,
} as const
const office = await createP2P(local)
const tablet = await createP2P({ ...local, database: office.ticket })
await Promise.all([office.start(), tablet.start()])
await tablet.connectPeer(office.addresses[0] ?? '')

const [chief, nurse] = [office.willow(), tablet.willow()]
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
const bytes = (note: string): Uint8Array => new TextEncoder().encode(note)

// A namespace of her own: whoever has no right from the chief reads and writes nothing in it.
const ward = await chief.createNamespace()
await chief.writeEntry(ward, chief.userId, 'patients/p-118/plan', bytes('rest'))
await chief.writeEntry(ward, chief.userId, 'patients/p-119/plan', bytes('walk'))

const expiresAt = new Date(Date.now() + 30 * 86_400_000)
const planHere = nurse.events.once('payload:changed')
for (const access of ['read', 'write'] as const) {
  const right = await chief.grant({ to: nurse.userId, access, path: 'patients/p-118', expiresAt })
  await nurse.importCapability(chief.exportCapability(right))
}
await planHere
for await (const { path } of nurse.list()) console.log('the nurse has', path.toString())

const noteHere = chief.events.once('payload:changed')
await nurse.writeEntry(ward, nurse.userId, 'patients/p-118/note-1', bytes('slept well'))
await noteHere
console.log(
  'the chief reads:',
  text(await chief.readEntry(ward, nurse.userId, 'patients/p-118/note-1')),
)

await nurse
  .writeEntry(ward, nurse.userId, 'patients/p-119/note-1', bytes('walked'))
  .catch((error: Error) => console.log('refused:', error.message))
await Promise.all([office.stop(), tablet.stop()])
