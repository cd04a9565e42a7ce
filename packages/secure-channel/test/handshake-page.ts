/** One end of a handshake, in a page: a test in Node has the other. */
import { createNodeKey } from '@vudo/identity'
import { bytesToHex } from '@vudo/wire'
import { createX25519KeyPair } from '#crypto'
import { createHandshake, type Handshake, type HandshakeResult } from '../src/handshake.ts'

let handshake: Handshake | undefined
let result: HandshakeResult | undefined
const nothing = new Uint8Array()

/** Begins one; gives the id of the page's node. */
export function begin(initiator: boolean, expected?: string): string {
  const key = createNodeKey()
  handshake = createHandshake({ key, initiator, expected, staticKey: createX25519KeyPair() })
  return key.peerId
}

export function write(): Uint8Array {
  return begun().write()
}

export function read(message: Uint8Array): void {
  begun().read(message)
}

/** After the last message: whom the page has met, and the hash of everything. */
export function finish(): { peerId: string; hash: string } {
  result = begun().finish()
  return { peerId: result.peerId, hash: bytesToHex(result.hash) }
}

export function encrypt(message: Uint8Array): Uint8Array {
  return met().send.encrypt(nothing, [message])
}

export function decrypt(sealed: Uint8Array): Uint8Array {
  return met().receive.decrypt(nothing, sealed)
}

/** The next key of both directions. */
export function rekey(): void {
  met().send.rekey()
  met().receive.rekey()
}

function begun(): Handshake {
  if (!handshake) throw new Error('nothing has begun')
  return handshake
}

function met(): HandshakeResult {
  if (!result) throw new Error('the handshake is not complete')
  return result
}
