/** The part of a node that speaks protocols of the application; what each call does is told by {@link P2P}. */
import {
  latestReader,
  latestWriter,
  request,
  requestHandler,
  type Channel,
  type ChannelHandler,
  type LatestReader,
  type LatestWriter,
  type Network,
  type RequestHandler,
  type RequestHandlerOptions,
  type RequestOptions,
} from '@vudo/network'
import type { PeerId } from '@vudo/transport'
import {
  checkProtocol,
  openProtocol,
  Protocols,
  sessionWith,
  type ProtocolOptions,
} from './protocols.ts'

/** Where the calls go. */
export interface Joined {
  readonly network: Network
  readonly databaseId: string
}

/** Extended by the node, which knows where it has joined. */
export abstract class ProtocolCalls {
  readonly #protocols: Protocols = new Protocols()

  /** @throws `P2PError` `ERR_P2P_STOPPED`. */
  protected abstract get joined(): Joined

  /** The protocols of the application that are answered. */
  protected get handled(): readonly string[] {
    return this.#protocols.names
  }

  /** The handlers answer on this network from now on. */
  protected attach(network: Network, databaseId: string): void {
    this.#protocols.attach(network, databaseId)
  }

  handle(protocol: string, handler: ChannelHandler): () => void {
    return this.#protocols.handle(protocol, handler)
  }

  openChannel(peerId: PeerId, protocol: string, options: ProtocolOptions = {}): Channel {
    const { network, databaseId: database } = this.joined
    return openProtocol(sessionWith(network, peerId), protocol, { ...options, database })
  }

  respond(
    protocol: string,
    handler: RequestHandler,
    options?: Pick<RequestHandlerOptions, 'maxRequestBytes'>,
  ): () => void {
    return this.handle(protocol, requestHandler(handler, options))
  }

  async request(
    peerId: PeerId,
    protocol: string,
    message: Uint8Array,
    options: Omit<RequestOptions, 'database'> = {},
  ): Promise<Uint8Array> {
    const { network, databaseId: database } = this.joined
    checkProtocol(protocol)
    return request(sessionWith(network, peerId), protocol, message, { ...options, database })
  }

  handleLatest(
    protocol: string,
    handler: (values: LatestReader) => void | Promise<void>,
  ): () => void {
    return this.handle(protocol, (channel) => handler(latestReader(channel)))
  }

  openLatest(peerId: PeerId, protocol: string, options?: ProtocolOptions): LatestWriter {
    return latestWriter(this.openChannel(peerId, protocol, options))
  }
}
