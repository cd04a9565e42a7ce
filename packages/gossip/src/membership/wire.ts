/** The messages of the overlay, byte by byte as in docs/wire-formats/gossip.md. */
import type { Address, PeerId } from '@vudo/transport'
import {
  bytesToHex,
  createByteReader,
  createByteWriter,
  hexToBytes,
  type ByteReader,
  type ByteWriter,
} from '@vudo/wire'
import { GossipError } from '../errors.ts'
import {
  MAX_ENTRY_ADDRESS_BYTES,
  MAX_ENTRY_ADDRESSES,
  MAX_OVERLAY_MESSAGE_BYTES,
  MAX_SHUFFLE_ENTRIES,
} from '../limits.ts'

/** A peer, and where it says that it can be reached. */
export interface OverlayEntry {
  readonly peerId: PeerId
  /** At most `MAX_ENTRY_ADDRESSES`; more are not sent. */
  readonly addresses: readonly Address[]
}

/** What two overlays say to each other. */
export type OverlayMessage =
  /** The sender knows nobody else: it wants to be a neighbour, and to be made known. */
  | { readonly type: 'join'; readonly addresses: readonly Address[] }
  /** Somebody joined; who ends the walk becomes its neighbour. */
  | { readonly type: 'forward-join'; readonly hops: number; readonly entry: OverlayEntry }
  /** The sender wants to be a neighbour; urgently when it has hardly any. */
  | {
      readonly type: 'neighbour'
      readonly isUrgent: boolean
      readonly addresses: readonly Address[]
    }
  | { readonly type: 'answer'; readonly isAccepted: boolean }
  /** The sender is no neighbour any more. */
  | { readonly type: 'disconnect' }
  /** A walk that brings peers to where it ends, and others back; the first entry is who began it. */
  | {
      readonly type: 'shuffle'
      /** 8 bytes in hex. */
      readonly id: string
      readonly hops: number
      readonly entries: readonly OverlayEntry[]
    }
  | {
      readonly type: 'shuffle-answer'
      readonly id: string
      readonly entries: readonly OverlayEntry[]
    }

const kinds = {
  join: 1,
  'forward-join': 2,
  neighbour: 3,
  answer: 4,
  disconnect: 5,
  shuffle: 6,
  'shuffle-answer': 7,
} as const

const idBytes = 8
const ascii = new TextEncoder()

/** @throws `RangeError` when a part is longer than its limit: it is the caller's. */
export function encodeOverlay(message: OverlayMessage): Uint8Array {
  const writer = createByteWriter().u8(kinds[message.type])
  switch (message.type) {
    case 'join':
      writeAddresses(writer, message.addresses)
      break
    case 'forward-join':
      writeEntry(writer.u8(message.hops), message.entry)
      break
    case 'neighbour':
      writeAddresses(writer.u8(message.isUrgent ? 1 : 0), message.addresses)
      break
    case 'answer':
      writer.u8(message.isAccepted ? 1 : 0)
      break
    case 'disconnect':
      break
    case 'shuffle':
      writeEntries(writer.bytes(hexToBytes(message.id)).u8(message.hops), message.entries)
      break
    case 'shuffle-answer':
      writeEntries(writer.bytes(hexToBytes(message.id)), message.entries)
      break
  }
  return writer.finish()
}

function writeEntries(writer: ByteWriter, entries: readonly OverlayEntry[]): void {
  if (entries.length > MAX_SHUFFLE_ENTRIES) throw new RangeError('too many entries')
  writer.u8(entries.length)
  for (const entry of entries) writeEntry(writer, entry)
}

function writeEntry(writer: ByteWriter, { peerId, addresses }: OverlayEntry): void {
  writeAddresses(writer.bytes(hexToBytes(peerId)), addresses)
}

function writeAddresses(writer: ByteWriter, addresses: readonly Address[]): void {
  const sent = sendableAddresses(addresses)
  writer.u8(sent.length)
  for (const address of sent) {
    writer.u8(address.length).bytes(ascii.encode(address))
  }
}

/** Those of `addresses` that fit into an entry. */
export function sendableAddresses(addresses: readonly Address[]): readonly Address[] {
  return addresses.filter(isSendable).slice(0, MAX_ENTRY_ADDRESSES)
}

function isSendable(address: Address): boolean {
  return address.length <= MAX_ENTRY_ADDRESS_BYTES && /^[\x21-\x7e]+$/.test(address)
}

/** @throws `GossipError` `ERR_GOSSIP_PROTOCOL`, whatever the bytes are. */
export function decodeOverlay(bytes: Uint8Array): OverlayMessage {
  if (bytes.length > MAX_OVERLAY_MESSAGE_BYTES) {
    throw fault(
      `message has ${bytes.length} bytes, at most ${MAX_OVERLAY_MESSAGE_BYTES} are allowed`,
    )
  }
  const reader = createByteReader(bytes)
  try {
    const message = readMessage(reader)
    reader.end()
    return message
  } catch (cause) {
    if (cause instanceof GossipError) throw cause
    throw fault('message is malformed', cause)
  }
}

function readMessage(reader: ByteReader): OverlayMessage {
  const kind = reader.u8()
  switch (kind) {
    case kinds.join:
      return { type: 'join', addresses: readAddresses(reader) }
    case kinds['forward-join']:
      return { type: 'forward-join', hops: reader.u8(), entry: readEntry(reader) }
    case kinds.neighbour:
      return { type: 'neighbour', isUrgent: readFlag(reader), addresses: readAddresses(reader) }
    case kinds.answer:
      return { type: 'answer', isAccepted: readFlag(reader) }
    case kinds.disconnect:
      return { type: 'disconnect' }
    case kinds.shuffle: {
      const id = bytesToHex(reader.bytes(idBytes))
      return { type: 'shuffle', id, hops: reader.u8(), entries: readEntries(reader) }
    }
    case kinds['shuffle-answer']: {
      const id = bytesToHex(reader.bytes(idBytes))
      return { type: 'shuffle-answer', id, entries: readEntries(reader) }
    }
    default:
      throw fault(`kind ${kind} is unknown`)
  }
}

function readEntries(reader: ByteReader): readonly OverlayEntry[] {
  const count = reader.u8()
  if (count > MAX_SHUFFLE_ENTRIES) {
    throw fault(`${count} entries, at most ${MAX_SHUFFLE_ENTRIES} are allowed`)
  }
  const entries: OverlayEntry[] = []
  for (let i = 0; i < count; i++) entries.push(readEntry(reader))
  return entries
}

function readEntry(reader: ByteReader): OverlayEntry {
  const peerId = bytesToHex(reader.bytes(32))
  return { peerId, addresses: readAddresses(reader) }
}

function readAddresses(reader: ByteReader): readonly Address[] {
  const count = reader.u8()
  if (count > MAX_ENTRY_ADDRESSES) {
    throw fault(`${count} addresses, at most ${MAX_ENTRY_ADDRESSES} are allowed`)
  }
  const addresses: Address[] = []
  for (let i = 0; i < count; i++) addresses.push(readAddress(reader))
  return addresses
}

function readAddress(reader: ByteReader): Address {
  const length = reader.u8()
  if (length === 0 || length > MAX_ENTRY_ADDRESS_BYTES) {
    throw fault(`address has ${length} bytes, expected 1 to ${MAX_ENTRY_ADDRESS_BYTES}`)
  }
  const address = String.fromCharCode(...reader.bytes(length))
  if (!isSendable(address)) throw fault('address is not printable ASCII')
  return address
}

function readFlag(reader: ByteReader): boolean {
  const value = reader.u8()
  if (value > 1) throw fault(`a flag is ${value}`)
  return value === 1
}

function fault(message: string, cause?: unknown): GossipError {
  return new GossipError('ERR_GOSSIP_PROTOCOL', message, { cause })
}
