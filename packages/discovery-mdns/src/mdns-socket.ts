/**
 * The multicast socket. Opens at the first use; what goes wrong later is counted and
 * told to `onError`, and never thrown: nobody waits for a packet that was not asked for.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import multicastDns from 'multicast-dns'
import { DiscoveryError } from './errors.ts'
import type { DnsPacket } from './packets.ts'

/** What a socket is made of. */
export interface MdnsSocketInit {
  readonly port: number
  /** The IPv4 address of the interface to use; all when left out. */
  readonly interface: string | undefined
  /** A query, and how many bytes it had. */
  readonly onQuery: (packet: DnsPacket, bytes: number) => void
  readonly onResponse: (packet: DnsPacket) => void
  /** Asked for every packet that arrives, before anything of it is decoded: false drops it. */
  readonly admit: (packet: Uint8Array) => boolean
  /** An admitted packet that is none. */
  readonly onGarbage: () => void
  /** The socket failed after it had started. */
  readonly onError: (error: DiscoveryError) => void
}

/** Sends and receives multicast DNS packets. */
export interface MdnsSocket {
  query(packet: DnsPacket): void
  /** To everybody, never to one address: a forged sender would aim it. */
  respond(packet: DnsPacket): void
  close(): Promise<void>
}

type Instance = multicastDns.MulticastDNS

/**
 * Opens the socket.
 *
 * @throws `DiscoveryError` `ERR_MDNS_UNAVAILABLE`.
 */
export async function openMdnsSocket(init: MdnsSocketInit): Promise<MdnsSocket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  const mdns = multicastDns({
    socket,
    port: init.port,
    // Bound to all, or multicast does not arrive; which interfaces take part is the membership's business.
    bind: '0.0.0.0',
    loopback: true,
    ...(init.interface === undefined ? {} : { interface: init.interface }),
  })
  guard(socket, init)
  try {
    await ready(mdns, init)
  } catch (error) {
    await destroyed(mdns)
    throw error
  }
  listen(mdns, init)
  const sending = new Set<Promise<void>>()
  const send = (start: (sent: (cause?: Error | null) => void) => void): void => {
    const sent = new Promise<void>((resolve) => {
      start((cause) => {
        if (cause) init.onError(unavailable(init, cause))
        resolve()
      })
    })
    sending.add(sent)
    void sent.then(() => sending.delete(sent))
  }
  return {
    query: (packet) => send((sent) => mdns.query(outgoing(packet), sent)),
    respond: (packet) => send((sent) => mdns.respond(outgoing(packet), sent)),
    async close() {
      // A goodbye on its way is lost otherwise.
      await Promise.all(sending)
      await destroyed(mdns)
    },
  }
}

/** Puts `admit` between the socket and the library, which decodes whatever arrives. */
function guard(socket: Socket, { admit }: MdnsSocketInit): void {
  const decoders = socket.listeners('message')
  socket.removeAllListeners('message')
  socket.on('message', (packet: Buffer, from: RemoteInfo) => {
    if (!admit(packet)) return
    for (const decode of decoders) Reflect.apply(decode, socket, [packet, from])
  })
}

type Outgoing = multicastDns.QueryOutgoingPacket & multicastDns.ResponseOutgoingPacket

/** The packet as `multicast-dns` wants it: a copy, because it writes the type into it. */
function outgoing(packet: DnsPacket): Outgoing {
  // What packets.ts makes is a subset of what the library takes, told in fewer types.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by packets.ts only
  return { ...packet } as Outgoing
}

/** Settles when the socket is bound and at least one interface takes part. */
function ready(mdns: Instance, init: MdnsSocketInit): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let trouble: Error | undefined
  let hasInterface = false
  mdns.on('networkInterface', () => {
    hasInterface = true
  })
  mdns.on('warning', (cause: Error) => {
    trouble ??= cause
  })
  // Reported twice, so it stays until the socket is given to somebody or gone.
  mdns.on('error', (cause: Error) => reject(unavailable(init, cause)))
  mdns.once('ready', () => {
    if (hasInterface) resolve()
    else reject(unavailable(init, trouble))
  })
  return promise
}

function listen(mdns: Instance, init: MdnsSocketInit): void {
  const failed = (cause: Error): void => {
    // A packet that cannot be decoded comes as a warning too; only the system's errors have a call.
    if ('syscall' in cause) init.onError(unavailable(init, cause))
    else init.onGarbage()
  }
  for (const event of ['error', 'warning'] as const) {
    mdns.removeAllListeners(event)
    mdns.on(event, failed)
  }
  mdns.on('query', (packet, { size }) => init.onQuery(packet, size))
  mdns.on('response', (packet) => init.onResponse(packet))
}

function destroyed(mdns: Instance): Promise<void> {
  return new Promise((resolve) => mdns.destroy(() => resolve()))
}

function unavailable(
  { port, interface: address }: MdnsSocketInit,
  cause: Error | undefined,
): DiscoveryError {
  const code = cause && 'code' in cause ? String(cause.code) : 'no interface takes part'
  const where = `${address ?? 'all interfaces'}, port ${port}`
  return new DiscoveryError(
    'ERR_MDNS_UNAVAILABLE',
    `multicast DNS does not work on ${where}: ${code}`,
    {
      cause,
      hint:
        code === 'EADDRINUSE'
          ? 'another program holds the port without sharing it: stop it, or dial peers by their addresses'
          : 'check that the interface is up and allows multicast, or dial peers by their addresses',
    },
  )
}
