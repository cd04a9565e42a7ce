/**
 * What is known of a packet before it is decoded. The decoder allocates for whatever a
 * header announces and follows every pointer of a name, so nothing reaches it that is
 * too large, announces too much, or does not speak of this service at all.
 */
import { MAX_PACKET_BYTES, MAX_PACKET_QUESTIONS, MAX_PACKET_RECORDS } from './limits.ts'

/** RFC 1035 section 4.1.1: id, flags, and four counts of 2 bytes each. */
const HEADER_BYTES = 12

/** What to do with a packet. */
export type Verdict =
  /** It may be decoded. */
  | 'ours'
  /** It speaks of other services only: most of what is heard on a network. */
  | 'foreign'
  /** It is no DNS packet, too large, or announces more than is looked at. */
  | 'garbage'

/**
 * Judges packets by their size, their header, and whether they hold the name of a service.
 *
 * @param serviceType - For example `_vudo._tcp`, in any case.
 * @returns Never throws, whatever the bytes are. They stay the caller's.
 */
export function createPacketFilter(serviceType: string): (packet: Uint8Array) => Verdict {
  const label = encodedLabel(serviceType)
  return (packet) => {
    if (packet.length < HEADER_BYTES || packet.length > MAX_PACKET_BYTES) return 'garbage'
    const header = new DataView(packet.buffer, packet.byteOffset, HEADER_BYTES)
    const records = header.getUint16(6) + header.getUint16(8) + header.getUint16(10)
    if (header.getUint16(4) > MAX_PACKET_QUESTIONS || records > MAX_PACKET_RECORDS) return 'garbage'
    // What follows a label may be a pointer, and so may a whole name, but only to what is
    // written out in this packet: the label itself is there once.
    return lowerCaseText(packet).includes(label) ? 'ours' : 'foreign'
  }
}

/** The name of the service as a packet holds it, in lower case: with its length before it. */
function encodedLabel(serviceType: string): string {
  const [label = ''] = serviceType.toLowerCase().split('.')
  return String.fromCharCode(label.length) + label
}

/** One character per byte. */
function lowerCaseText({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1').toLowerCase()
}
