import type {
  Address,
  Connection,
  Transport,
  TransportConfig,
  TransportContext,
  TransportFeatures,
} from '@vudo/transport'

/** A runner's function: `test` of vitest, `test` of node:test, `it` of mocha. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown

/** What the author says about the transport. The suite holds it to every word. */
export interface TransportManifest {
  /** Must equal the transport's `features`. */
  readonly features: TransportFeatures
  /** True when connections have `openPipe`; then pipes are tested, else the case is skipped. */
  readonly pipes: boolean
}

/** One end of the medium below everything the transport does: a hostile or broken peer. */
export interface RawEnd {
  /** Sends bytes as they are. May reject when the far end has closed. */
  send(bytes: Uint8Array): Promise<void> | void
  /** Settles when the transport has closed this end. */
  readonly closed: Promise<unknown>
  /** Closes this end. Idempotent. */
  close(): Promise<void> | void
}

/** How the suite reaches the transport below its handshake. */
export interface RawAccess {
  /** Opens the medium to `address` and says nothing. */
  dial(address: Address): Promise<RawEnd>
  /**
   * Opens the medium to `address`, goes through the handshake where there is one, and
   * sends (or announces) a message of one byte more than `features.maxMessageBytes`.
   * Where that cannot be done, `'none: '` and the reason, which is printed.
   */
  readonly oversize: ((address: Address) => Promise<RawEnd>) | `none: ${string}`
}

/** What `testTransport` takes. */
export interface ConformanceOptions {
  readonly test: TestFunction
  /** A fresh transport of one node. All transports of one case must be able to reach each other. */
  readonly make: (context: TransportContext) => Transport | Promise<Transport>
  readonly manifest: TransportManifest
  /** Access below the handshake, or `'none: '` and the reason, which is printed with each case that is skipped. */
  readonly raw: RawAccess | `none: ${string}`
  /**
   * Breaks what is below one connection, so that neither end says goodbye: cuts the
   * cable, kills the process. Or `'none: '` and the reason.
   */
  readonly cut: ((connection: Connection) => Promise<void> | void) | `none: ${string}`
  /** Called after each case, when its transports are disconnected. */
  readonly teardown?: (() => Promise<void> | void) | undefined
  /**
   * Configuration of every transport, over the suite's own: port 0 on 127.0.0.1, and no
   * limit on new connections that a test on one machine would reach.
   */
  readonly config?: TransportConfig | undefined
  /**
   * Milliseconds that one case may take; give the runner a little more.
   *
   * @defaultValue 20,000
   */
  readonly caseTimeoutMs?: number | undefined
  /**
   * Milliseconds after which the transport drops an end that does not go on with the handshake.
   *
   * @defaultValue 5,000, `HANDSHAKE_TIMEOUT_MS`
   */
  readonly handshakeTimeoutMs?: number | undefined
  /**
   * Bytes that a sender may get rid of while nobody reads, besides one message.
   *
   * @defaultValue 16 MiB
   */
  readonly maxUnreadBytes?: number | undefined
  /**
   * Takes the lines of skips and the table of results.
   *
   * @defaultValue `console.log`
   */
  readonly log?: ((line: string) => void) | undefined
}

/** The reason behind a `none: …`, or `undefined` where there is access. */
export function reasonOf(access: unknown): string | undefined {
  return typeof access === 'string' ? access.replace(/^none:\s*/, '') : undefined
}
