import { sha256 } from '@vudo/identity'
import { concatBytes, hexToBytes } from '@vudo/wire'

const prefix = new TextEncoder().encode('vudo/relay-inbox/1\0')

/**
 * The topic that a peer is always in, unlisted, and that whoever dials it joins: so it can be
 * dialled by its address without a topic of the application in common.
 *
 * @param peerId - 64 characters of hex.
 * @returns SHA-256 of `vudo/relay-inbox/1`, a zero byte and the key: 32 bytes.
 */
export function inboxTopic(peerId: string): Uint8Array {
  return sha256(concatBytes(prefix, hexToBytes(peerId)))
}
