import {
  Endpoint,
  EndpointAddr,
  EndpointId,
  presetMinimal,
  RelayMode,
} from '@number0/iroh/index.js'
import type { Connection } from '@number0/iroh/index.js'
import type { RawEnd } from '@vudo/transport-conformance'
import { alpn } from '../src/endpoint.ts'
import { parseIrohAddress } from '../src/iroh-address.ts'

/** An endpoint of the bare library on loopback. */
export async function plainEndpoint(protocol: number[] = alpn()): Promise<Endpoint> {
  const builder = Endpoint.builder()
  presetMinimal(builder)
  builder.relayMode(RelayMode.disabled())
  builder.bindAddr('127.0.0.1:0')
  builder.alpns([protocol])
  return builder.bind()
}

export async function connectPlain(
  endpoint: Endpoint,
  address: string,
  protocol: number[] = alpn(),
): Promise<Connection> {
  const { peerId, direct } = parseIrohAddress(address)
  const at = new EndpointAddr(EndpointId.fromString(peerId), null, [...direct])
  return endpoint.connect(at, protocol)
}

/** A peer that has finished the stack's handshake and says what it is told to. */
export async function dialRaw(address: string): Promise<RawEnd> {
  const endpoint = await plainEndpoint()
  const connection = await connectPlain(endpoint, address)
  const stream = connection.openBi()
  return {
    send: async (bytes) => (await stream).send.writeAll(Array.from(bytes)),
    closed: connection.closed(),
    close: () => endpoint.close(),
  }
}
