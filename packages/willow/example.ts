import { openWillow } from '@vudo/willow'

// Alice owns the album and lets Bob write below one path of it until tomorrow.
const [alice, bob] = [await openWillow(), await openWillow()]
const album = await alice.createNamespace()
const granted = await alice.grant({
  to: bob.userId,
  access: 'write',
  path: 'photos/trip',
  expiresAt: new Date(Date.now() + 86_400_000),
})
await bob.importCapability(alice.exportCapability(granted))

// Write and read: an entry stands in its writer's subspace, at a path.
await bob.writeEntry(album, bob.userId, 'photos/trip/1', new TextEncoder().encode('a beach'))
console.log(new TextDecoder().decode(await bob.readEntry(album, bob.userId, 'photos/trip/1')))

// Erase: key and bytes are destroyed, and every device that syncs does the same.
const receipt = await bob.erase('photos/trip', { reason: 'asked to' })
console.log(String(receipt)) // Erased on 1 of 1 known device.
await Promise.all([alice.close(), bob.close()])
