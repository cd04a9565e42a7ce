/** What tests send and hear without the discovery: packets of somebody who knows the format. */
import { once } from 'node:events'
import multicastDns from 'multicast-dns'
import type { MdnsDiscovery } from '@vudo/discovery-mdns'
import { deriveTopic } from '@vudo/topic'
import type { PeerRecord, Topic } from '@vudo/transport'
import { encodeAnswer, type DnsPacket } from '../src/packets.ts'
import { recordKey, sealRecord } from '../src/sealed-record.ts'
import { bucketAt, topicTag } from '../src/tags.ts'

/** What most tests are about. */
export const topic: Topic = deriveTopic('mdns test')
export const names = { serviceName: 'vudo', serviceType: '_vudo._tcp' }

/** The first `count` records of a watch. */
export async function first(
  discovery: MdnsDiscovery,
  count: number,
  of: Uint8Array = topic,
): Promise<PeerRecord[]> {
  const records: PeerRecord[] = []
  for await (const record of discovery.watch(of)) if (records.push(record) === count) break
  return records
}

/** Sends packets as a stranger who knows the format. */
export async function sendPackets(port: number, kind: 'query' | 'response', packets: DnsPacket[]) {
  const socket = multicastDns({ port, interface: '127.0.0.1', bind: '0.0.0.0' })
  await once(socket, 'ready')
  for (const packet of packets) {
    await new Promise<void>((resolve) => {
      const plain = { ...packet } as multicastDns.QueryOutgoingPacket &
        multicastDns.ResponseOutgoingPacket
      if (kind === 'query') socket.query(plain, () => resolve())
      else socket.respond(plain, () => resolve())
    })
  }
  await new Promise<void>((resolve) => socket.destroy(resolve))
}

export function answerWith(record: Uint8Array, of: Uint8Array = topic): DnsPacket {
  const tag = topicTag(of, bucketAt(Date.now()))
  const sealed = sealRecord(recordKey(of), record, { tag, isGoodbye: false })
  return encodeAnswer(names, { tag, sealed, isGoodbye: false }, 'abcd')
}
