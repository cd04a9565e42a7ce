/** Announcements of documents, byte by byte as in docs/wire-formats/announcements.md. */
import type { Address } from '@vudo/transport'
import { bytesToHex, encodeCbor, hexToBytes } from '@vudo/wire'
import {
  MAX_ANNOUNCED_ADDRESS_BYTES,
  MAX_ANNOUNCED_ADDRESSES,
  MAX_ANNOUNCED_DOCUMENTS,
  MAX_ANNOUNCED_HEADS,
} from '../limits.ts'
import { asBytes, asList, asText, decodeList, refused } from '../payload.ts'

/** A document, and a state of it that somebody holds. */
export interface AnnouncedDocument {
  /** 32 characters of hex. */
  readonly id: string
  /** Hashes of its newest changes, 64 characters of hex each: 1 to `MAX_ANNOUNCED_HEADS`, sorted. */
  readonly heads: readonly string[]
}

/** One announcement. */
export interface DocumentMessage {
  /** Where the announcer says that it can be reached; at most `MAX_ANNOUNCED_ADDRESSES`. */
  readonly addresses: readonly Address[]
  /** 1 to `MAX_ANNOUNCED_DOCUMENTS`. */
  readonly documents: readonly AnnouncedDocument[]
}

const version = 1
const idBytes = 16
const headBytes = 32

/** The bytes of an announcement, in a new buffer. Addresses that are too many or too long are left out. */
export function encodeDocuments({ addresses, documents }: DocumentMessage): Uint8Array {
  const utf8 = new TextEncoder()
  const fitting = addresses
    .filter((address) => utf8.encode(address).length <= MAX_ANNOUNCED_ADDRESS_BYTES)
    .slice(0, MAX_ANNOUNCED_ADDRESSES)
  const entries = documents.map(({ id, heads }) => [hexToBytes(id), heads.map(hexToBytes)])
  return encodeCbor([version, fitting, entries])
}

/** @throws `GossipError` `ERR_GOSSIP_PROTOCOL`, whatever the bytes are. */
export function decodeDocuments(bytes: Uint8Array): DocumentMessage {
  const [spoken, addresses, documents, ...rest] = decodeList(bytes)
  if (spoken !== version || rest.length > 0) throw refused('documents of another version')
  const entries = asList(documents, MAX_ANNOUNCED_DOCUMENTS, 'documents')
  if (entries.length === 0) throw refused('an announcement of nothing')
  return {
    addresses: asList(addresses, MAX_ANNOUNCED_ADDRESSES, 'addresses').map((address) =>
      asText(address, MAX_ANNOUNCED_ADDRESS_BYTES, 'address'),
    ),
    documents: entries.map(decodeDocument),
  }
}

function decodeDocument(value: unknown): AnnouncedDocument {
  const [id, heads, ...rest] = asList(value, 2, 'document')
  const hashes = asList(heads, MAX_ANNOUNCED_HEADS, 'heads')
  if (hashes.length === 0 || rest.length > 0) throw refused('a document without heads')
  return {
    id: bytesToHex(asBytes(id, idBytes, 'document')),
    heads: hashes.map((hash) => bytesToHex(asBytes(hash, headBytes, 'head'))),
  }
}
