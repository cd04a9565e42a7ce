import type { Endpoint, Incoming, IncomingAddr } from '@number0/iroh/index.js'
import { TransportError } from '@vudo/transport'
import type { Accept } from '@vudo/swarm'
import { orAbandon } from './abandon.ts'
import { hostOf, isLoopback } from './endpoint.ts'
import { createIrohLink, cutOff, type IrohLink } from './iroh-link.ts'
import { createIrohPath } from './iroh-path.ts'
import { MAX_UNVALIDATED_HANDSHAKES } from './limits.ts'
import { stackCause } from './stack-error.ts'

/** What a listener is made of. */
export interface ListenerInit {
  readonly endpoint: Endpoint
  readonly bindAddress: string
  /** Called for everybody at the door. */
  readonly accept: Accept
  /** Called for every link that comes about. */
  readonly onLink: (link: IrohLink) => void
}

/**
 * Accepts connections until the endpoint closes. It never stops in between: a stack
 * whose connections nobody takes lets everybody who dials wait for 30 seconds.
 *
 * @returns Settles, never rejects, when the endpoint is closed.
 */
export async function acceptAll(init: ListenerInit): Promise<void> {
  const door = new Door(init)
  const { endpoint } = init
  while (!endpoint.isClosed()) {
    try {
      // One after the other is the point.
      // oxlint-disable-next-line no-await-in-loop
      const incoming = await endpoint.acceptNext()
      if (incoming === null) return
      void door.knock(incoming)
    } catch {
      // One that could not be taken; the next one may.
    }
  }
}

class Door {
  readonly #init: ListenerInit
  #handshakes = 0

  constructor(init: ListenerInit) {
    this.#init = init
  }

  /** Never rejects: what breaks here is a stranger's connection that never was one. */
  async knock(incoming: Incoming): Promise<void> {
    try {
      const from = await incoming.remoteAddr()
      if (!this.#isAllowed(from)) return await incoming.refuse()
      if (await this.#isDoubtful(incoming, from)) return await incoming.retry()
      this.#init.accept({
        remoteAddress: limitKey(from),
        open: (signal) => this.#open(incoming, signal),
        refuse: () => void incoming.refuse().catch(() => undefined),
      })
    } catch {
      // Gone before it was answered.
    }
  }

  /** The stack listens on IPv6 too, whatever it is told: who asked for this machine only gets no more. */
  #isAllowed(from: IncomingAddr): boolean {
    if (from.kind !== 'ip' || !isLoopback(this.#init.bindAddress)) return true
    return isLoopback(hostOf(from.addr ?? ''))
  }

  /** A flood from forged addresses would fill every place of a handshake. */
  async #isDoubtful(incoming: Incoming, { kind }: IncomingAddr): Promise<boolean> {
    if (kind !== 'ip' || this.#handshakes < MAX_UNVALIDATED_HANDSHAKES) return false
    return !(await incoming.remoteAddrValidated())
  }

  async #open(incoming: Incoming, signal: AbortSignal): Promise<IrohLink> {
    this.#handshakes += 1
    try {
      return await this.#handshake(incoming, signal)
    } finally {
      this.#handshakes -= 1
    }
  }

  async #handshake(incoming: Incoming, signal: AbortSignal): Promise<IrohLink> {
    const proving = incoming.accept().then((accepting) => accepting.connect())
    const connection = await orAbandon(proving, signal, cutOff).catch(failed)
    try {
      const peerId = connection.remoteId().toString()
      const stream = await orAbandon(connection.acceptBi(), signal, () => undefined).catch(failed)
      const path = createIrohPath({ source: connection, peerId, outbound: false })
      const link = createIrohLink({ connection, stream, peerId, path })
      await orAbandon(link.ready, signal, () => undefined)
      this.#init.onLink(link)
      return link
    } catch (error) {
      cutOff(connection)
      throw error
    }
  }
}

/** Whom the limits count: an IP address; behind a relay the peer, or one peer would use up the relay for all. */
function limitKey({ kind, addr, endpointId }: IncomingAddr): string | undefined {
  return kind === 'ip' && addr !== undefined ? hostOf(addr) : endpointId
}

function failed(cause: unknown): never {
  throw new TransportError('ERR_HANDSHAKE_FAILED', 'the far end did not finish the handshake', {
    cause: stackCause(cause),
  })
}
