/** Frames of GossipSub, written with the encoder of the package itself. */
import { RPC } from '@libp2p/gossipsub/message'
import { createEd25519Key, type NodeKey } from '@vudo/identity'
import { encodeVarint } from '@vudo/wire'

export function frameOf(rpc: Partial<RPC>): Uint8Array {
  return framed(RPC.encode({ subscriptions: [], messages: [], ...rpc }))
}

export function framed(body: Uint8Array): Uint8Array {
  const length = encodeVarint(body.length)
  const frame = new Uint8Array(length.length + body.length)
  frame.set(length)
  frame.set(body, length.length)
  return frame
}

/** The RPC in a frame. */
export function rpcOf(frame: Uint8Array): RPC {
  let at = 0
  while ((frame[at++] ?? 0) > 127);
  return RPC.decode(frame.subarray(at))
}

/** The control part of an RPC with nothing in it. */
export const noControl: NonNullable<RPC['control']> = {
  ihave: [],
  iwant: [],
  graft: [],
  prune: [],
  idontwant: [],
}

/** The libp2p id of an Ed25519 key: an identity multihash of the key in protobuf. */
export function multihashOf(publicKey: Uint8Array): Uint8Array {
  return Uint8Array.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20, ...publicKey])
}

/** A message that is signed as it should be, whatever its parts are. */
export function signedMessage(
  key: NodeKey,
  parts: { readonly topic: string; readonly sequence: bigint; readonly data: Uint8Array },
): RPC.Message {
  const seqno = new Uint8Array(8)
  new DataView(seqno.buffer).setBigUint64(0, parts.sequence)
  const { topic, data } = parts
  const message = { from: multihashOf(key.publicKey), data, seqno, topic }
  const prefix = new TextEncoder().encode('libp2p-pubsub:')
  const bytes = Uint8Array.from([...prefix, ...RPC.Message.encode(message)])
  const signature = createEd25519Key(key.seed).sign(bytes)
  return { ...message, signature, key: Uint8Array.from([0x08, 0x01, 0x12, 0x20, ...key.publicKey]) }
}
