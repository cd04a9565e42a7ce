/**
 * The DNS packets of `docs/wire-formats/mdns.md`: a question for the subtype that a
 * topic's tag names, and an answer that points to an instance whose TXT record is a
 * sealed peer record (DNS-SD, RFC 6763; multicast DNS, RFC 6762).
 */
import {
  ANSWER_TTL_SECONDS,
  MAX_PACKET_QUESTIONS,
  MAX_PACKET_RECORDS,
  MAX_SEALED_BYTES,
  QUERY_BYTES,
  TXT_STRING_BYTES,
} from './limits.ts'

/** RFC 1035 section 4.1.1. */
const PACKET_HEADER_BYTES = 12

/** Type, class, time to live and length of a resource record (RFC 1035 section 4.1.3). */
const RECORD_FIXED_BYTES = 10

/** An empty name, the fixed part, and the head of one option (RFC 6891 section 6.1.2). */
const OPT_BYTES: number = 1 + RECORD_FIXED_BYTES + 4

/** A DNS packet as `multicast-dns` takes and gives it; the parts that are read or written here. */
export interface DnsPacket {
  readonly questions?: readonly DnsQuestion[] | undefined
  readonly answers?: readonly DnsRecord[] | undefined
  readonly additionals?: readonly DnsRecord[] | undefined
}

interface DnsQuestion {
  readonly name: string
  readonly type: string
  readonly class?: string | undefined
}

interface DnsRecord {
  readonly name: string
  readonly type: string
  readonly class?: string | undefined
  readonly ttl?: number | undefined
  readonly data?: unknown
  readonly options?: readonly unknown[] | undefined
}

/** Under which names this service is found. */
export interface ServiceNames {
  /** The beginning of an instance's name: one DNS label with what is appended. */
  readonly serviceName: string
  /** For example `_vudo._tcp`. */
  readonly serviceType: string
}

/** One peer record in an answer. */
export interface Answer {
  /** 32 hex characters. */
  readonly tag: string
  /** The TXT record's bytes: a sealed peer record, not yet opened. */
  readonly sealed: Uint8Array
  /** True when the record is taken back. */
  readonly isGoodbye: boolean
}

/** Asks for one tag, padded (RFC 7830) to the size that pays for an answer. */
export function encodeQuery(names: ServiceNames, tag: string): DnsPacket {
  const name = subtypeName(names, tag)
  const length = QUERY_BYTES - PACKET_HEADER_BYTES - nameBytes(name) - 4 - OPT_BYTES
  return {
    questions: [{ type: 'PTR', class: 'IN', name }],
    additionals: [{ type: 'OPT', name: '.', options: [{ code: 'PADDING', length }] }],
  }
}

/**
 * Answers for one tag.
 *
 * @param instance - Tells this answer's instance from others; hex.
 */
export function encodeAnswer(names: ServiceNames, answer: Answer, instance: string): DnsPacket {
  const { tag, sealed, isGoodbye } = answer
  const name = `${names.serviceName}-${instance}.${names.serviceType}.local`
  const ttl = isGoodbye ? 0 : ANSWER_TTL_SECONDS
  return {
    answers: [
      { type: 'PTR', class: 'IN', name: subtypeName(names, tag), ttl, data: name },
      { type: 'TXT', class: 'IN', name, ttl, data: txtStrings(sealed) },
    ],
  }
}

/** The tags that a query asks for. */
export function askedTags(names: ServiceNames, packet: DnsPacket): string[] {
  return (packet.questions ?? [])
    .slice(0, MAX_PACKET_QUESTIONS)
    .filter((question) => question.type === 'PTR' || question.type === 'ANY')
    .flatMap((question) => tagOf(names, question.name) ?? [])
}

/** The answers for this service in a response. Nothing of them has been checked but sizes and form. */
export function readAnswers(names: ServiceNames, packet: DnsPacket): Answer[] {
  const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])]
  const looked = records.slice(0, MAX_PACKET_RECORDS)
  return looked.flatMap((pointer) => {
    if (pointer.type !== 'PTR') return []
    const tag = tagOf(names, pointer.name)
    if (tag === undefined) return []
    // One text per pointer: all texts for all pointers would be a thousand records to open.
    const text = looked.find(({ type, name }) => type === 'TXT' && name === pointer.data)
    const sealed = text && joinStrings(text.data)
    return sealed ? [{ tag, sealed, isGoodbye: text.ttl === 0 }] : []
  })
}

/** Bytes of an encoded {@link encodeAnswer}: at most so many, because names may be shortened. */
export function answerBytes(packet: DnsPacket): number {
  const sizes = (packet.answers ?? []).map(
    ({ name, data }) => nameBytes(name) + RECORD_FIXED_BYTES + dataBytes(data),
  )
  return sizes.reduce((sum, size) => sum + size, PACKET_HEADER_BYTES)
}

function dataBytes(data: unknown): number {
  if (typeof data === 'string') return nameBytes(data)
  const strings: unknown[] = Array.isArray(data) ? data : []
  return strings.reduce<number>(
    (sum, string) => sum + 1 + (string instanceof Uint8Array ? string.length : 0),
    0,
  )
}

/** A length byte for each label, and a zero at the end (RFC 1035 section 3.1). */
function nameBytes(name: string): number {
  return Buffer.byteLength(name) + 2
}

/** `<tag>._sub.<type>.local` (RFC 6763 section 7.1). */
function subtypeName({ serviceType }: ServiceNames, tag: string): string {
  return `${tag}._sub.${serviceType}.local`
}

function tagOf({ serviceType }: ServiceNames, name: string): string | undefined {
  const lower = name.toLowerCase()
  const suffix = `._sub.${serviceType.toLowerCase()}.local`
  const tag = lower.slice(0, -suffix.length)
  return lower.endsWith(suffix) && /^[0-9a-f]{32}$/.test(tag) ? tag : undefined
}

function txtStrings(bytes: Uint8Array): Buffer[] {
  const count = Math.ceil(bytes.length / TXT_STRING_BYTES)
  return Array.from({ length: count }, (_, at) =>
    Buffer.from(bytes.subarray(at * TXT_STRING_BYTES, (at + 1) * TXT_STRING_BYTES)),
  )
}

/** The strings of a TXT record in one piece, unless they are none of ours. */
function joinStrings(data: unknown): Uint8Array | undefined {
  const strings: unknown[] = Array.isArray(data) ? data : [data]
  let bytes = 0
  for (const string of strings) {
    if (!(string instanceof Uint8Array)) return undefined
    bytes += string.length
    if (bytes > MAX_SEALED_BYTES) return undefined
  }
  return Buffer.concat(strings.filter((string) => string instanceof Uint8Array))
}
