import type { Stream } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'
import type { Link } from '@vudo/transport'
import { isLink, type Medium } from '@vudo/swarm'
import { createLibp2pMedium } from '../src/libp2p-medium.ts'
import { parseLibp2pOptions, type Libp2pOptions } from '../src/libp2p-options.ts'
import { createContext } from './nodes.ts'
import { createPlainNode, frame, multiaddrOf } from './plain-node.ts'

export const never: AbortSignal = new AbortController().signal

/** A medium that opens everybody, and what came of it. */
export interface Opened {
  readonly medium: Medium
  readonly address: string
  readonly peerId: string
  /** The next link that was accepted. */
  next(): Promise<Link>
}

export async function listening(options: Libp2pOptions = { enableQuic: false }): Promise<Opened> {
  const context = createContext()
  const medium = createLibp2pMedium(context, parseLibp2pOptions(options, context.settings))
  const links: Promise<Link>[] = []
  let wake = Promise.withResolvers<void>()
  const addresses = await medium.listen((incoming) => {
    links.push(incoming.open(never).then(expectLink))
    wake.resolve()
    wake = Promise.withResolvers()
  }, {})
  return {
    medium,
    address: addresses.find((one) => one.includes('quic') === (options.enableQuic ?? true)) ?? '',
    peerId: context.peerId,
    async next() {
      // oxlint-disable-next-line no-await-in-loop
      while (links.length === 0) await wake.promise
      return links.shift()!
    },
  }
}

/** A connected pair of links, and how to let go of it. */
export interface Pair {
  readonly dialled: Link
  readonly accepted: Link
  close(): Promise<void>
}

export async function createPair(options?: Libp2pOptions): Promise<Pair> {
  const [server, client] = [await listening(options), await listening(options)]
  const dialled = expectLink(await client.medium.dial(server.address, { signal: never }))
  const accepted = await server.next()
  return {
    dialled,
    accepted,
    async close() {
      await Promise.all([client.medium.close(), server.medium.close()])
    },
  }
}

/** A link of ours, and its far end by hand: a stream of the plain stack. */
export interface RawPair {
  readonly link: Link
  readonly stream: Stream
  /** What the far end has been sent. */
  readonly received: () => Buffer
  readonly streamClosed: Promise<unknown>
  close(): Promise<void>
}

export async function createRawPair(): Promise<RawPair> {
  const server = await listening()
  const node = await createPlainNode()
  const connection = await node.dial(multiaddrOf(server.address))
  const stream = await connection.newStream('/vudo/link/1')
  const chunks: Uint8Array[] = []
  stream.addEventListener('message', ({ data }) => void chunks.push(data.subarray()))
  const streamClosed = new Promise((resolve) => stream.addEventListener('close', resolve))
  return {
    link: await server.next(),
    stream,
    received: () => Buffer.concat(chunks),
    streamClosed,
    close: () => closeAll(server.medium, node),
  }
}

async function closeAll(medium: Medium, node: Libp2p): Promise<void> {
  await Promise.all([medium.close(), node.stop()])
}

export function expectLink(far: Awaited<ReturnType<Medium['dial']>>): Link {
  if (!isLink(far)) throw new Error('a pipe came where a link was expected')
  return far
}

export { frame }
