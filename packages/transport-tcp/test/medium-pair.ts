import type { Link } from '@vudo/transport'
import { isLink, type Incoming, type Medium } from '@vudo/swarm'
import { createTcpMedium, type TcpOptions } from '../src/tcp-medium.ts'
import { createContext } from './nodes.ts'

/** A medium that opens everybody, and what came of it. */
export interface Opened {
  readonly medium: Medium
  readonly address: string
  readonly peerId: string
  /** The next link that was accepted, or the error of the next handshake. */
  readonly next: () => Promise<Link>
}

export async function listening(
  accept?: (incoming: Incoming) => void,
  options: TcpOptions = {},
): Promise<Opened> {
  const context = createContext()
  const medium = createTcpMedium(context, options)
  const links: Promise<Link>[] = []
  let wake = Promise.withResolvers<void>()
  const open = (incoming: Incoming): void => {
    const link = incoming.open(new AbortController().signal).then(expectLink)
    link.catch(() => undefined)
    links.push(link)
    wake.resolve()
    wake = Promise.withResolvers()
  }
  const [address = ''] = await medium.listen(accept ?? open, {})
  const next = async (): Promise<Link> => {
    while (links.length === 0) await wake.promise
    return links.shift()!
  }
  return { medium, address, peerId: context.peerId, next }
}

/** A connected pair of links, and how to let go of it. */
export interface Pair {
  readonly dialled: Link
  readonly accepted: Link
  close(): Promise<void>
}

export async function createPair(): Promise<Pair> {
  const server = await listening()
  const client = createTcpMedium(createContext(), {})
  const dialled = expectLink(await client.dial(server.address, { signal: never }))
  const accepted = await server.next()
  return {
    dialled,
    accepted,
    async close() {
      await Promise.all([client.close(), server.medium.close()])
    },
  }
}

export const never: AbortSignal = new AbortController().signal

export function expectLink(far: Awaited<ReturnType<Medium['dial']>>): Link {
  if (!isLink(far)) throw new Error('a pipe came where a link was expected')
  return far
}
