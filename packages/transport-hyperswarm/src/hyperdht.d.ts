/** What this package uses of hyperdht 6.34.0, which has no types of its own. */
declare module 'hyperdht' {
  /** One node of the DHT; it holds two UDP sockets. */
  export default class HyperDHT {
    constructor(options: HyperDHTOptions)
    /** A node that knows its own address and needs no other. */
    static bootstrapper(
      port: number,
      host: string,
      options: { readonly host: string; readonly bootstrap: readonly UdpAddress[] },
    ): HyperDHT
    /** @param seed - 32 bytes. */
    static keyPair(seed?: Uint8Array): KeyPair
    /** Opens the sockets. Rejects with a system error. */
    bind(): Promise<void>
    fullyBootstrapped(): Promise<void>
    address(): UdpAddress
    /** Nodes in the routing table. */
    toArray(options?: { readonly limit?: number }): readonly UdpAddress[]
    createServer(
      options: ServerOptions,
      onConnection: (stream: SecretStream) => void,
    ): HyperDHTServer
    connect(key: Buffer, options: ConnectOptions): SecretStream
    lookup(topic: Buffer, options: QueryOptions): Query
    announce(
      topic: Buffer,
      keyPair: KeyPair,
      relayAddresses: readonly UdpAddress[],
      options: QueryOptions & { readonly clear: boolean },
    ): Query
    lookupAndUnannounce(topic: Buffer, keyPair: KeyPair, options: QueryOptions): Query
    on(event: 'network-change', listener: () => void): this
    destroy(options: { readonly force: boolean }): Promise<void>
  }

  export interface HyperDHTOptions {
    readonly bootstrap: readonly UdpAddress[]
    readonly host: string
    /** The first one, and the one after the last. */
    readonly port: readonly [number, number]
    readonly anyPort: boolean
    readonly firewalled?: boolean
    readonly ephemeral?: boolean
  }

  export interface KeyPair {
    readonly publicKey: Buffer
    readonly secretKey: Buffer
  }

  export interface UdpAddress {
    readonly host: string
    readonly port: number
  }

  export interface QueryOptions {
    /** How often a request without an answer is repeated, a second after the one before. */
    readonly retries: number
  }

  export interface ServerOptions {
    readonly firewall: (key: Buffer, payload: HandshakePayload, client: UdpAddress) => boolean
    readonly shareLocalAddress: boolean
    /** False refuses to punch; a function decides case by case. */
    readonly holepunch?: false
  }

  /** What the far end says in its part of the handshake, of that: through whom it wants to be relayed. */
  export interface HandshakePayload {
    relayThrough: unknown
  }

  export interface HyperDHTServer {
    /** Nodes of the DHT through which a handshake finds this server. */
    readonly relayAddresses: readonly UdpAddress[]
    listen(keyPair: KeyPair): Promise<unknown>
    close(): Promise<void>
  }

  export interface ConnectOptions {
    readonly keyPair: KeyPair
    readonly relayAddresses: readonly UdpAddress[]
    readonly localConnection: boolean
    readonly holepunch: () => boolean
  }

  /** A walk through the DHT; a stream of answers. */
  export interface Query extends AsyncIterable<LookupReply> {
    /** Nodes that have answered. */
    readonly successes: number
    finished(): Promise<void>
    destroy(): void
    on(event: 'error', listener: (error: Error) => void): this
  }

  export interface LookupReply {
    readonly peers: readonly {
      readonly publicKey: Buffer
      readonly relayAddresses: readonly UdpAddress[]
    }[]
  }

  /** A Noise stream over UDX; a streamx duplex. */
  export interface SecretStream {
    readonly remotePublicKey: Buffer
    readonly rawStream: { readonly remoteHost: string | null } | null
    /** False when it was destroyed before. */
    readonly opened: Promise<boolean>
    /** True once it has emitted `close`. */
    readonly destroyed: boolean
    /** Memory for one message, which `write` then encrypts where it is. */
    alloc(bytes: number): Buffer
    write(message: Buffer): boolean
    end(): void
    destroy(error?: Error): void
    on(event: 'data', listener: (chunk: Buffer) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    on(event: 'end' | 'drain' | 'close', listener: () => void): this
  }
}
