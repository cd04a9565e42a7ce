import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import type { Incoming, Medium } from '@vudo/swarm'
import {
  parseTransportConfig,
  type Link,
  type Transport,
  type TransportConfig,
  type TransportContext,
} from '@vudo/transport'
import { iroh, type IrohOptions } from '@vudo/transport-iroh'
import { createIrohMedium } from '../src/iroh-medium.ts'
import type { IrohLink } from '../src/iroh-link.ts'
import { loadIroh } from '../src/load-iroh.ts'

export const never: AbortSignal = new AbortController().signal

/** A node on loopback, with a fresh key and without a discovery. */
export function createContext(config: TransportConfig = {}): TransportContext {
  return {
    ...createTransportContext(createNodeKey()),
    settings: parseTransportConfig({
      bindAddress: '127.0.0.1',
      port: 0,
      maxNewConnectionsPerSecond: 1_000,
      ...config,
    }),
  }
}

export function createNode(config?: TransportConfig, options?: IrohOptions): Transport {
  return iroh(options)(createContext(config))
}

/** A medium that opens everybody, and what came of it. */
export interface Opened {
  readonly medium: Medium
  readonly address: string
  readonly peerId: string
  /** The next link that was accepted, or the error of the next handshake. */
  readonly next: () => Promise<Link>
}

export async function listening(accept?: (incoming: Incoming) => void): Promise<Opened> {
  const context = createContext()
  const medium = createIrohMedium(context, {}, loadIroh)
  const links: Promise<Link>[] = []
  let wake = Promise.withResolvers<void>()
  const open = (incoming: Incoming): void => {
    const link = incoming.open(never) as Promise<Link>
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
  readonly dialled: IrohLink
  readonly accepted: IrohLink
  close(): Promise<void>
}

export async function createPair(): Promise<Pair> {
  const server = await listening()
  const client = createIrohMedium(createContext(), {}, loadIroh)
  const dialled = (await client.dial(server.address, { signal: never })) as IrohLink
  const accepted = (await server.next()) as IrohLink
  return {
    dialled,
    accepted,
    async close() {
      await Promise.all([client.close(), server.medium.close()])
    },
  }
}
