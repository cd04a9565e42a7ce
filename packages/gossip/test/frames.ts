/** Frames of GossipSub, written with the encoder of the package itself. */
import { RPC } from '@libp2p/gossipsub/message'
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
