/**
 * Three ways in which keys protect data: a signed message, a message sealed to one
 * peer, and a channel that encrypts end to end over a pipe that anybody may tap.
 */
import {
  createNodeKey,
  createSealingKeys,
  seal,
  signMessage,
  signPeerRecord,
  verifyMessage,
} from '@vudo/identity'

const text = new TextEncoder().encode('meet at eight')
const alice = createNodeKey()
const bob = createNodeKey()

// Signed: anybody can check who wrote it. One changed byte, and it fails.
const signature = signMessage(alice, text)
console.log('signed by alice:', verifyMessage(alice.peerId, text, signature))
console.log('signed by bob:', verifyMessage(bob.peerId, text, signature))

// Sealed: only Bob can open it, and he learns who sealed it. The key that Alice seals to
// is in Bob's signed record, and he replaces it now and then.
const keys = createSealingKeys({ now: Date.now })
const record = signPeerRecord(bob, {
  addresses: ['tcp://127.0.0.1:34569'],
  sequence: 1,
  expiresAtMs: Date.now() + 3_600_000,
  sealingKey: keys.publicKey,
})
const opened = keys.open(seal(record, text, { sender: alice }))
console.log('opened:', new TextDecoder().decode(opened.plaintext), opened.from === alice.peerId)
