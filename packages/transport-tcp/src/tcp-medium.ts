import {
  MAX_MESSAGE_BYTES,
  type Address,
  type Link,
  type TransportContext,
  type TransportFeatures,
} from '@vudo/transport'
import type { Accept, Medium, MediumDialOptions } from '@vudo/swarm'
import { dialTcp } from './dial.ts'
import { listenTcp, type Listener } from './listener.ts'
import { listenerAddresses } from './local-addresses.ts'
import { parseTcpAddress } from './tcp-address.ts'
import type { TcpLink } from './tcp-link.ts'
import { createTlsIdentity, type TlsIdentity } from './tls-identity.ts'

/** What `tcp` takes. */
export interface TcpOptions {
  /**
   * What to tell others instead of the addresses of this machine, for example behind a
   * router that forwards a port: `['tcp://203.0.113.7:34569']`.
   *
   * @defaultValue the addresses at which it listens.
   */
  readonly announceAddresses?: readonly Address[] | undefined
}

const features: TransportFeatures = {
  maxMessageBytes: MAX_MESSAGE_BYTES,
  provesPeer: true,
  discovers: false,
  dials: true,
}

/**
 * TCP and TLS as a medium of a swarm; it hands up proven links.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID` when an announced address is none.
 */
export function createTcpMedium(context: TransportContext, options: TcpOptions): Medium {
  for (const address of options.announceAddresses ?? []) parseTcpAddress(address)
  return new TcpMedium(context, options)
}

class TcpMedium implements Medium {
  readonly name = 'tcp'
  readonly features = features

  readonly #context: TransportContext
  readonly #options: TcpOptions
  readonly #identity: TlsIdentity
  readonly #links = new Set<TcpLink>()
  #listener: Listener | undefined
  #isClosed = false

  constructor(context: TransportContext, options: TcpOptions) {
    this.#context = context
    this.#options = options
    this.#identity = createTlsIdentity(context.seed)
  }

  async listen(accept: Accept): Promise<readonly Address[]> {
    const { settings, peerId: self } = this.#context
    const identity = this.#identity
    const onLink = (link: TcpLink): void => this.#keep(link)
    const listener = await listenTcp({ settings, identity, self, accept, onLink })
    if (this.#isClosed) listener.close()
    this.#listener = listener
    return this.#options.announceAddresses ?? listenerAddresses(listener.host, listener.port)
  }

  async dial(address: Address, { signal, expected }: MediumDialOptions): Promise<Link> {
    const { peerId: self } = this.#context
    const link = await dialTcp({ address, identity: this.#identity, self, expected, signal })
    this.#keep(link)
    return link
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listener?.close()
    await Promise.all(Array.from(this.#links, (link) => link.close()))
  }

  /** Remembers a link as long as it lives, for {@link close}. */
  #keep(link: TcpLink): void {
    this.#links.add(link)
    void link.closed.then(() => this.#links.delete(link))
    if (this.#isClosed) link.destroy()
  }
}
