import { createNodeKey, createSealingKeys, seal, signPeerRecord } from '@vudo/identity'

const key = createNodeKey()
const sealingKeys = createSealingKeys({ now: Date.now })
const record = signPeerRecord(key, {
  addresses: ['tcp://192.168.1.20:34569'],
  sequence: 1,
  expiresAtMs: Date.now() + 3_600_000,
  sealingKey: sealingKeys.publicKey,
})

// Somebody who found the record writes to the peer without a connection.
const sender = createNodeKey()
const sealed = seal(record, new TextEncoder().encode('hello'), { sender })
const { plaintext, from } = sealingKeys.open(sealed)
console.log(new TextDecoder().decode(plaintext), from === sender.peerId)
