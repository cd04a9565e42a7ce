/** Protocols of the application: channels with peers that have proven to have the node's database. */
import {
  MAX_PROTOCOL_BYTES,
  NetworkError,
  type Channel,
  type ChannelHandler,
  type Network,
  type Priority,
  type Session,
} from '@vudo/network'
import type { PeerId } from '@vudo/transport'
import { P2PError } from './errors.ts'

/** What the channels of an application take. */
export interface ProtocolOptions {
  /**
   * What goes first, and what waits for the bandwidth limit (`normal` and `low`).
   *
   * @defaultValue `'normal'`
   */
  readonly priority?: Priority | undefined
}

/** Names that begin so are protocols of this project. */
const reserved = '/vudo/'

/** The handlers of a node, over its starts and stops. */
export class Protocols {
  readonly #handlers = new Map<string, ChannelHandler>()
  readonly #unhandle = new Map<string, () => void>()
  #network: Network | undefined
  #databaseId: string | undefined

  /** The names of the protocols that are answered. */
  get names(): readonly string[] {
    return [...this.#handlers.keys()]
  }

  /** From now on these channels are answered on this network. */
  attach(network: Network, databaseId: string): void {
    this.#network = network
    this.#databaseId = databaseId
    this.#unhandle.clear()
    for (const [protocol, handler] of this.#handlers) this.#listen(protocol, handler)
  }

  /**
   * Takes the channels that peers open for `protocol`; a later call replaces the handler.
   *
   * @returns Takes the handler away again.
   */
  handle(protocol: string, handler: ChannelHandler): () => void {
    checkProtocol(protocol)
    // First what can be refused.
    this.#listen(protocol, handler)
    this.#handlers.set(protocol, handler)
    return () => {
      if (this.#handlers.get(protocol) !== handler) return
      this.#handlers.delete(protocol)
      this.#unhandle.get(protocol)?.()
    }
  }

  #listen(protocol: string, handler: ChannelHandler): void {
    const databaseId = this.#databaseId
    const remove = this.#network?.handle(protocol, (channel) => {
      // Without a database anybody who is connected could speak, whether a member or not.
      if (channel.database !== databaseId) return channel.reset('ERR_NOT_MEMBER')
      return handler(channel)
    })
    if (remove !== undefined) this.#unhandle.set(protocol, remove)
  }
}

/**
 * The session with a peer.
 *
 * @throws `NetworkError` `ERR_PEER_NOT_CONNECTED`.
 */
export function sessionWith(network: Network, peerId: PeerId): Session {
  const session = network.session(peerId)
  if (session !== undefined) return session
  throw new NetworkError('ERR_PEER_NOT_CONNECTED', `there is no session with peer ${peerId}`, {
    hint: 'connectPeer first, or wait for the event database:shared',
  })
}

/** Opens a channel of the application with a peer. */
export function openProtocol(
  session: Session,
  protocol: string,
  options: ProtocolOptions & { readonly database: string },
): Channel {
  checkProtocol(protocol)
  return session.openChannel(protocol, options)
}

/**
 * Checks the name of a protocol of the application.
 *
 * @throws `P2PError` `ERR_PROTOCOL_RESERVED`; `RangeError` for another length than 1 to 64 bytes.
 */
export function checkProtocol(protocol: string): void {
  const bytes = new TextEncoder().encode(protocol).length
  if (bytes === 0 || bytes > MAX_PROTOCOL_BYTES) {
    throw new RangeError(`protocol has ${bytes} bytes, expected 1 to ${MAX_PROTOCOL_BYTES}`)
  }
  if (!protocol.startsWith(reserved)) return
  throw new P2PError(
    'ERR_PROTOCOL_RESERVED',
    `${JSON.stringify(protocol)} begins with ${reserved}`,
    {
      hint: 'name it after your application, for example /my-app/chat/1',
    },
  )
}
