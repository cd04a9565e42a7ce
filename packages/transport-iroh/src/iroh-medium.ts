import type { Endpoint } from '@number0/iroh/index.js'
import type { Accept, Medium, MediumDialOptions } from '@vudo/swarm'
import type { Address, Link, TransportContext, TransportFeatures } from '@vudo/transport'
import { within } from './abandon.ts'
import { dialIroh } from './dial.ts'
import {
  bindEndpoint,
  checkAnnounced,
  checkRelays,
  checkSettings,
  directAddresses,
} from './endpoint.ts'
import { formatIrohAddress } from './iroh-address.ts'
import type { IrohLink } from './iroh-link.ts'
import { MAX_LINK_MESSAGE_BYTES, RELAY_WAIT_MS, STACK_CLOSE_MS } from './limits.ts'
import { acceptAll } from './listener.ts'
import { openIroh, type Iroh, type LoadIroh } from './load-iroh.ts'

/** What `iroh` takes. */
export interface IrohOptions {
  /**
   * Where else others reach this node, `ip:port` each, at most `MAX_DIRECT_ADDRESSES`; for
   * example the outside address of a router that forwards a port: `['203.0.113.7:34569']`.
   * They stand first in this node's address, and peers that it meets at a relay are told them too.
   *
   * @defaultValue none but those of this machine, and what a relay tells this node of itself.
   */
  readonly announceAddresses?: readonly string[] | undefined
  /**
   * URLs of the relays at which this node waits for others, `https://…` each, at most
   * `MAX_RELAYS`; the nearest one is taken. With an empty list it waits at none, and still
   * reaches those who wait at one of theirs. A relay passes packets on that it cannot
   * read, and sees who talks to whom, when, and how much.
   *
   * @defaultValue none, and no relay is ever spoken to: no server is anybody's silent default.
   */
  readonly relays?: readonly string[] | undefined
}

const features: TransportFeatures = {
  maxMessageBytes: MAX_LINK_MESSAGE_BYTES,
  provesPeer: true,
  discovers: false,
  dials: true,
  bulk: false,
}

/**
 * iroh as a medium of a swarm; it hands up proven links.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID` when a relay's URL or an
 *   announced address is none, or when the settings forbid QUIC or NAT traversal.
 */
export function createIrohMedium(
  context: TransportContext,
  options: IrohOptions,
  load: LoadIroh,
): Medium {
  checkSettings(context.settings)
  checkRelays(options.relays ?? [])
  checkAnnounced(options.announceAddresses ?? [])
  return new IrohMedium(context, options, load)
}

/** The stack, and this node's sockets in it. */
interface Running {
  readonly iroh: Iroh
  readonly endpoint: Endpoint
}

class IrohMedium implements Medium {
  readonly name = 'iroh'
  readonly features = features

  readonly #context: TransportContext
  readonly #relays: readonly string[] | undefined
  readonly #announced: readonly string[]
  readonly #load: LoadIroh
  readonly #links = new Set<IrohLink>()
  #running: Promise<Running> | undefined
  #accepting: Promise<void> | undefined
  #isClosed = false

  constructor(context: TransportContext, options: IrohOptions, load: LoadIroh) {
    this.#context = context
    this.#relays = options.relays
    this.#announced = options.announceAddresses ?? []
    this.#load = load
  }

  async listen(accept: Accept): Promise<readonly Address[]> {
    const { endpoint } = await this.#run()
    const { peerId, settings } = this.#context
    const { bindAddress } = settings
    const onLink = (link: IrohLink): void => this.#keep(link)
    this.#accepting = acceptAll({ endpoint, bindAddress, accept, onLink })
    // Which relay is the nearest takes a while to find out; where there is one, there is no question.
    if (this.#relays && this.#relays.length > 1) await within(RELAY_WAIT_MS, endpoint.online())
    const direct = [...new Set([...this.#announced, ...directAddresses(endpoint, settings)])]
    return [formatIrohAddress({ peerId, direct, relay: this.#homeRelay(endpoint) })]
  }

  async dial(address: Address, { signal, expected }: MediumDialOptions): Promise<Link> {
    const { iroh, endpoint } = await this.#run()
    const { peerId: self } = this.#context
    const relays = { areUsed: this.#relays !== undefined, home: this.#homeRelay(endpoint) }
    const link = await dialIroh({ iroh, endpoint, address, self, expected, relays, signal })
    this.#keep(link)
    return link
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(Array.from(this.#links, (link) => link.close()))
    const running = await this.#running?.catch(() => undefined)
    if (running) await within(STACK_CLOSE_MS, running.endpoint.close())
    await this.#accepting
  }

  /** Loads the stack and opens the sockets, once; after a failure again, since the cause may be gone. */
  #run(): Promise<Running> {
    this.#running ??= this.#start().catch((error: unknown) => {
      this.#running = undefined
      throw error
    })
    return this.#running
  }

  async #start(): Promise<Running> {
    const iroh = await openIroh(this.#load)
    const [context, relays, announced] = [this.#context, this.#relays, this.#announced]
    const endpoint = await bindEndpoint({ iroh, context, relays, announced })
    return { iroh, endpoint }
  }

  /** The relay at which this node waits; where none has answered yet, the one that was named first. */
  #homeRelay(endpoint: Endpoint): string | undefined {
    const [first, second] = this.#relays ?? []
    return second === undefined ? first : (endpoint.addr().relayUrl() ?? first)
  }

  /** Remembers a link as long as it lives, for {@link close}. */
  #keep(link: IrohLink): void {
    this.#links.add(link)
    void link.closed.then(() => this.#links.delete(link))
    if (this.#isClosed) link.destroy()
  }
}
