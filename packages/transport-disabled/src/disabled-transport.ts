import {
  MAX_MESSAGE_BYTES,
  TransportError,
  type AbortOptions,
  type Address,
  type Connection,
  type ConnectOptions,
  type PeerInfo,
  type Topic,
  type Transport,
  type TransportFeatures,
} from '@vudo/transport'

/** Makes a transport that has no peers and no sockets. It needs no key. */
export function createDisabledTransport(): Transport {
  return new DisabledTransport()
}

class DisabledTransport implements Transport {
  readonly name = 'disabled'
  readonly features: TransportFeatures = {
    maxMessageBytes: MAX_MESSAGE_BYTES,
    provesPeer: true,
    discovers: false,
    dials: false,
  }
  readonly addresses: readonly Address[] = []
  readonly #closing = new AbortController()

  async listen(options?: AbortOptions): Promise<void> {
    this.#assertOpen(options)
  }

  async announce(_topic: Topic, options?: AbortOptions): Promise<void> {
    this.#assertOpen(options)
  }

  async lookup(_topic: Topic, options?: AbortOptions): Promise<PeerInfo[]> {
    this.#assertOpen(options)
    return []
  }

  #assertOpen(options: AbortOptions | undefined): void {
    this.#closing.signal.throwIfAborted()
    options?.signal?.throwIfAborted()
  }

  connect(_topic: Topic, options?: ConnectOptions): AsyncIterable<Connection> {
    return { [Symbol.asyncIterator]: () => this.#nobody(options) }
  }

  /** Waits, as it would for peers, until the iteration is left or the transport closes. */
  #nobody(options?: AbortOptions): AsyncIterator<Connection, undefined> {
    const closing = this.#closing.signal
    if (closing.aborted) return { next: () => Promise.reject(closedError()) }
    const left = Promise.withResolvers<void>()
    const signals = [closing, options?.signal].filter((it) => it !== undefined)
    const leave = (): void => {
      for (const signal of signals) signal.removeEventListener('abort', leave)
      left.resolve()
    }
    for (const signal of signals) signal.addEventListener('abort', leave, { once: true })
    if (signals.some(({ aborted }) => aborted)) leave()
    const end = async (): Promise<{ done: true; value: undefined }> => {
      await left.promise
      return { done: true, value: undefined }
    }
    return {
      next: end,
      return: () => {
        leave()
        return end()
      },
    }
  }

  dial(): Promise<Connection> {
    return Promise.reject(
      new TransportError('ERR_UNSUPPORTED', 'the disabled transport does not dial', {
        hint: 'choose another mode to reach peers',
      }),
    )
  }

  async disconnect(): Promise<void> {
    this.#closing.abort(closedError())
  }
}

function closedError(): TransportError {
  return new TransportError('ERR_TRANSPORT_CLOSED', 'the transport is closed', {
    hint: 'create a new transport for a new start',
  })
}
