/**
 * A phone on a metered network gets what is small, and knows of what is large: a photo waits
 * until it is asked for, or until the network is free again.
 */
import { createP2P } from '@vudo/p2p'

const local = {
  storage: 'memory',
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { enableMdns: false },
  willow: true,
} as const
const laptop = await createP2P(local)
const phone = await createP2P({ ...local, database: laptop.ticket })
await Promise.all([laptop.start(), phone.start()])
await phone.connectPeer(laptop.addresses[0] ?? '')

const [desk, pocket] = [laptop.willow(), phone.willow()]
pocket.isMetered = true
const trip = await desk.mapNamespace('trip.v1')
await pocket.mapNamespace('trip.v1')

const photo = crypto.getRandomValues(new Uint8Array(60_000))
const photos = ['photos/1', 'photos/2']
const noteHere = pocket.events.once('payload:changed')
const deferred = pocket.events.subscribe({ types: ['payload:deferred'] })
// Above 65,536 bytes it waits; two copies of the same noise make one that is large.
for (const path of photos) {
  await desk.writeEntry(trip, desk.userId, path, new Uint8Array([...photo, ...photo]))
}
await desk.writeEntry(trip, desk.userId, 'notes/1', new TextEncoder().encode('train at nine'))
await noteHere
const note = await pocket.readEntry(trip, desk.userId, 'notes/1')
console.log('here at once:', new TextDecoder().decode(note))
for (const _ of photos) {
  const { value } = await deferred.next()
  console.log('waits:', value?.payload.path.toString(), value?.payload.bytes, 'bytes')
}

/** Settles when all bytes of an entry are here. */
async function arrived(path: string): Promise<void> {
  for await (const { payload } of pocket.events.subscribe({ types: ['payload:changed'] })) {
    if (payload.path.toString() === `/${path}` && payload.isComplete) return
  }
}

// One of them is wanted now, metered or not.
const first = arrived('photos/1')
await pocket.requestPayload(trip, desk.userId, 'photos/1')
await first
console.log('asked for:', (await pocket.readEntry(trip, desk.userId, 'photos/1'))?.length, 'bytes')

// Home again.
const second = arrived('photos/2')
pocket.isMetered = false
await second
console.log(
  'free network:',
  (await pocket.readEntry(trip, desk.userId, 'photos/2'))?.length,
  'bytes',
)
await Promise.all([laptop.stop(), phone.stop()])
