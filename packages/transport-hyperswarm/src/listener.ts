import type { HyperDHTServer, KeyPair, SecretStream, UdpAddress } from 'hyperdht'
import type { Accept } from '@vudo/swarm'
import { MAX_HALF_OPEN, TransportError, type PeerId } from '@vudo/transport'
import { createDhtLink, greetedBefore, type DhtLink } from './dht-link.ts'
import type { Arrival, Encounters } from './encounters.ts'
import { createHandshakeGate } from './handshake-gate.ts'
import { formatHyperswarmAddress } from './hyperswarm-address.ts'
import type { Dht } from './query.ts'

/** What a listener is made of. */
export interface ListenerInit {
  readonly dht: Dht
  readonly keyPair: KeyPair
  readonly self: PeerId
  /** Whether to tell far ends the addresses of this machine on its networks. */
  readonly sharesLocalAddress: boolean
  readonly punchesHoles: boolean
  readonly maxConnections: number
  readonly encounters: Encounters
  readonly nowMs: () => number
  /** Called for everybody at the door. */
  readonly accept: Accept
  /** Called for every link that comes about. */
  readonly onLink: (link: DhtLink) => void
}

/** Accepts connections to this node's key, and makes links of those that `accept` opens. */
export interface Listener {
  /** Nodes of the DHT through which a handshake finds this node. */
  readonly relayAddresses: readonly UdpAddress[]
  /** Makes the key findable. Settles when the DHT knows it, or when nobody answered. */
  start(): Promise<void>
  /** Takes the key back. */
  close(): Promise<void>
}

/** Makes a listener that does not listen yet. */
export function createListener(init: ListenerInit): Listener {
  const { dht, keyPair, self, sharesLocalAddress } = init
  const gate = createHandshakeGate()
  const open = new Set<SecretStream>()
  const mayEnter = (key: PeerId, from: string): boolean =>
    key !== self &&
    open.size < init.maxConnections + MAX_HALF_OPEN &&
    gate.enter(key, from, init.nowMs())
  const server: HyperDHTServer = dht.createServer(
    {
      shareLocalAddress: sharesLocalAddress,
      ...(init.punchesHoles ? {} : { holepunch: false }),
      firewall(key, payload, client) {
        // Otherwise the library would dial whatever relay the far end names.
        payload.relayThrough = null
        return !mayEnter(key.toString('hex'), client.host)
      },
    },
    (stream) => {
      gate.leave(stream.remotePublicKey.toString('hex'))
      open.add(stream)
      stream.on('close', () => void open.delete(stream))
      arrived(init, stream)
    },
  )
  return {
    get relayAddresses() {
      return server.relayAddresses
    },
    start: async () => void (await server.listen(keyPair)),
    close: () => server.close(),
  }
}

function arrived({ accept, onLink, encounters }: ListenerInit, stream: SecretStream): void {
  // Before anything else: a stream whose error nobody hears ends the process.
  stream.on('error', () => undefined)
  const peerId = stream.remotePublicKey.toString('hex')
  if (encounters.settle(peerId, stream)) return
  const address = formatHyperswarmAddress(peerId)
  accept({
    remoteAddress: stream.rawStream?.remoteHost ?? undefined,
    address,
    open: async (signal) => {
      const path = { transport: 'hyperswarm', relayed: false, address, outbound: false }
      const link = createDhtLink({ stream, peerId, path })
      onLink(link)
      await admitted(link, encounters.arriving(link), signal)
      return link
    },
    refuse: () => stream.destroy(),
  })
}

async function admitted(link: DhtLink, arrival: Arrival, signal: AbortSignal): Promise<void> {
  try {
    await greetedBefore(signal, link)
    if (!arrival.isTaken) return
  } finally {
    arrival.end()
  }
  throw new TransportError(
    'ERR_HANDSHAKE_FAILED',
    'this peer is being dialled, and the dial has it',
  )
}
