import {
  parseTransportConfig,
  TransportError,
  type CloseReason,
  type Discovery,
  type Link,
  type LinkMessage,
  type PeerId,
  type Pipe,
  type SecureOptions,
  type TransportConfig,
  type TransportContext,
} from '@vudo/transport'

/** A peer id of which the first byte is `n`; nobody holds its key. */
export function peerId(n: number): PeerId {
  return n.toString(16).padStart(2, '0').repeat(32)
}

/** A context whose `secure` believes what the far end says: tests of the swarm need no cryptography. */
export function fakeContext(
  self: PeerId,
  options: { readonly config?: TransportConfig; readonly discoveries?: readonly Discovery[] } = {},
): TransportContext {
  return {
    peerId: self,
    seed: new Uint8Array(32),
    settings: parseTransportConfig(options.config),
    discoveries: options.discoveries ?? [],
    signRecord: (addresses) => ({
      peerId: self,
      addresses,
      sequence: 0,
      expiresAtMs: 3_600_000,
      sealingKey: new Uint8Array(32),
      bytes: new Uint8Array(1),
    }),
    secure: (pipe, secureOptions) => believe(pipe, self, secureOptions),
  }
}

const lanes = { data: 0, control: 1, close: 2 }

async function believe(pipe: Pipe, self: PeerId, options: SecureOptions): Promise<Link> {
  await pipe.send(new TextEncoder().encode(self))
  const claim = await pipe.receive({ signal: options.signal })
  if (!claim) throw new TransportError('ERR_HANDSHAKE_FAILED', 'the pipe ended')
  return new FakeLink(pipe, new TextDecoder().decode(claim), options)
}

class FakeLink implements Link {
  readonly peerId: PeerId
  readonly path: Link['path']
  readonly closed: Promise<CloseReason>
  readonly #pipe: Pipe
  readonly #end: (reason: CloseReason) => void

  constructor(pipe: Pipe, far: PeerId, { path, initiator }: SecureOptions) {
    this.peerId = far
    this.path = { ...path, outbound: initiator }
    this.#pipe = pipe
    const { promise, resolve } = Promise.withResolvers<CloseReason>()
    this.closed = promise
    this.#end = resolve
  }

  send(message: Uint8Array): Promise<void> {
    return this.#pipe.send(Uint8Array.of(lanes.data, ...message))
  }

  sendControl(message: Uint8Array): Promise<void> {
    return this.#pipe.send(Uint8Array.of(lanes.control, ...message))
  }

  async receive(): Promise<LinkMessage | undefined> {
    const message = await this.#pipe.receive()
    if (!message) {
      const error = new TransportError('ERR_CONNECTION_LOST', 'the pipe ended')
      this.#end({ clean: false, error })
      throw error
    }
    if (message[0] === lanes.close) {
      this.#end({ clean: true })
      await this.#pipe.close()
      return undefined
    }
    return { isControl: message[0] === lanes.control, bytes: message.slice(1) }
  }

  async #say(lane: number): Promise<void> {
    try {
      await this.#pipe.send(Uint8Array.of(lane))
    } catch {
      // The pipe has ended: there is nobody to tell.
    }
  }

  async close(error?: Error): Promise<void> {
    this.#end({ clean: true, error })
    await this.#say(lanes.close)
    await this.#pipe.close()
  }
}
