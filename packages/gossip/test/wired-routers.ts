/** Routers in one process, joined by wires that a test can read and write. */
import { createNodeKey, type NodeKey } from '@vudo/identity'
import { onTestFinished } from 'vitest'
import { Router, type RoutedMessage, type RouterInit } from '../src/router.ts'
import type { InboundStream } from '../src/router-streams.ts'

export const topic: string = 'b'.repeat(24)

/** A router and what it said and heard. */
export interface WiredRouter {
  readonly key: NodeKey
  readonly router: Router
  readonly delivered: RoutedMessage[]
  /** Frames that this router sent, by the peer they went to. */
  readonly sent: Map<string, Uint8Array[]>
  heartbeats: number
}

export async function createWired(init: Partial<RouterInit> = {}): Promise<WiredRouter> {
  const key = createNodeKey()
  const delivered: RoutedMessage[] = []
  const counts = { heartbeats: 0 }
  const router = await Router.create({
    seed: key.seed,
    accept: () => true,
    deliver: (message) => delivered.push(message),
    faultsOf: () => 0,
    onHeartbeat: () => (counts.heartbeats += 1),
    ...init,
  })
  onTestFinished(() => router.stop())
  const sent = new Map<string, Uint8Array[]>()
  return {
    key,
    router,
    delivered,
    sent,
    get heartbeats() {
      return counts.heartbeats
    },
    set heartbeats(count) {
      counts.heartbeats = count
    },
  }
}

/** Makes two routers neighbours. @returns What the second one reads of the first. */
export async function wire(a: WiredRouter, b: WiredRouter): Promise<InboundStream> {
  const streams = new Map<WiredRouter, InboundStream | undefined>()
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const frames: Uint8Array[] = []
    from.sent.set(to.key.peerId, frames)
    const send = (frame: Uint8Array): boolean => {
      frames.push(frame.slice())
      void streams.get(to)?.push(frame.slice())
      return true
    }
    const { peerId } = to.key
    from.router.addNeighbour({ peerId, isOutbound: from === a, open: () => ({ send, close() {} }) })
  }
  streams.set(b, b.router.acceptFrames(a.key.peerId))
  streams.set(a, a.router.acceptFrames(b.key.peerId))
  await turn()
  const stream = streams.get(b)
  if (stream === undefined) throw new Error('the routers are no neighbours')
  return stream
}

/** A peer that is no router: it hears what the router sends, and a test writes what it likes. */
export async function wireAttacker(to: WiredRouter): Promise<{
  readonly peerId: string
  readonly key: NodeKey
  readonly heard: Uint8Array[]
  readonly stream: InboundStream
}> {
  const key = createNodeKey()
  const heard: Uint8Array[] = []
  const send = (frame: Uint8Array): boolean => heard.push(frame.slice()) > 0
  const { peerId } = key
  to.router.addNeighbour({ peerId, isOutbound: false, open: () => ({ send, close() {} }) })
  const stream = to.router.acceptFrames(peerId)
  if (stream === undefined) throw new Error('the attacker is no neighbour')
  await turn()
  return { peerId, key, heard, stream }
}

/** Lets every promise that can go on go on. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
