import { isLink, type Incoming, type Medium } from '@vudo/swarm'
import type { Link, TransportConfig } from '@vudo/transport'
import type { Bootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { createHyperswarmMedium } from '../src/hyperswarm-medium.ts'
import { createContext } from './nodes.ts'

/** A medium that opens everybody, and what came of it. */
export interface Opened {
  readonly medium: Medium
  readonly address: string
  readonly peerId: string
  /** Peers of links that were accepted and had greeted. */
  readonly arrived: readonly string[]
  /** The next link that was accepted, or the error of the next handshake. */
  next(): Promise<Link>
  close(): Promise<void>
}

export async function listening(
  bootstrap: Bootstrap,
  config: TransportConfig = {},
): Promise<Opened> {
  const context = createContext(config)
  const medium = createHyperswarmMedium({ context, bootstrap: [bootstrap] })
  const links: Promise<Link>[] = []
  const arrived: string[] = []
  let wake = Promise.withResolvers<void>()
  const open = (incoming: Incoming): void => {
    const link = incoming.open(new AbortController().signal).then(expectLink)
    link.then(
      ({ peerId }) => arrived.push(peerId),
      () => undefined,
    )
    links.push(link)
    wake.resolve()
    wake = Promise.withResolvers()
  }
  const [address = ''] = await medium.listen(open, {})
  return {
    medium,
    address,
    peerId: context.peerId,
    arrived,
    async next() {
      while (links.length === 0) await wake.promise
      return links.shift()!
    },
    close: () => medium.close(),
  }
}

/** A connected pair of links, and how to let go of it. */
export interface Pair {
  readonly dialled: Link
  readonly accepted: Link
  close(): Promise<void>
}

export async function createPair(bootstrap: Bootstrap): Promise<Pair> {
  const [server, client] = [await listening(bootstrap), await listening(bootstrap)]
  const dialled = expectLink(await client.medium.dial(server.address, { signal: never }))
  const accepted = await server.next()
  return {
    dialled,
    accepted,
    async close() {
      await Promise.all([client.close(), server.close()])
    },
  }
}

export const never: AbortSignal = new AbortController().signal

export function expectLink(far: Awaited<ReturnType<Medium['dial']>>): Link {
  if (!isLink(far)) throw new Error('a pipe came where a link was expected')
  return far
}
