import type { PeerId as Libp2pId } from '@libp2p/interface'
import type { PeerId } from '@vudo/transport'
import { loadPart, type StackLoaders } from './stack.ts'

/** Our peer ids and those of the stack: both are the same Ed25519 key. */
export interface Keys {
  /** Our form; `undefined` for a key that is not Ed25519. */
  toPeerId(id: Libp2pId): PeerId | undefined
  /** The stack's form. */
  toLibp2pId(peerId: PeerId): Libp2pId
  /** Reads the stack's text form; `undefined` for one that is none. */
  parse(text: string): Libp2pId | undefined
}

/** Loads what converts them. */
export async function loadKeys(loaders: StackLoaders): Promise<Keys> {
  const { publicKeyFromRaw } = await loadPart(loaders, '@libp2p/crypto')
  const { peerIdFromPublicKey, peerIdFromString } = await loadPart(loaders, '@libp2p/peer-id')
  return {
    toPeerId,
    toLibp2pId: (peerId) => peerIdFromPublicKey(publicKeyFromRaw(Buffer.from(peerId, 'hex'))),
    parse(text) {
      try {
        return peerIdFromString(text)
      } catch {
        return undefined
      }
    },
  }
}

/** An Ed25519 key is inside the id; of any other kind we want to know nothing more. */
export function toPeerId(id: Libp2pId): PeerId | undefined {
  if (id.type !== 'Ed25519') return undefined
  return Buffer.from(id.publicKey.raw).toString('hex')
}
