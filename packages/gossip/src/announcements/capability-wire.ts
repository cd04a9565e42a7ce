/** Announcements of capabilities, byte by byte as in docs/wire-formats/announcements.md. */
import { encodeCbor } from '@vudo/wire'
import { MAX_ANNOUNCED_PROTOCOL_BYTES, MAX_ANNOUNCED_PROTOCOLS } from '../limits.ts'
import { asCount, asFlag, asList, asText, decodeList, refused } from '../payload.ts'

/** What a peer says that it can do. Its own word, signed by it. */
export interface Capabilities {
  /** Protocols with their versions, as channels are opened: `/vudo/sync/1`. At most `MAX_ANNOUNCED_PROTOCOLS`. */
  readonly protocols: readonly string[]
  /** It passes on connections of others. */
  readonly relay: boolean
  /** It gives out files. */
  readonly blobs: boolean
  /** Bytes that it is ready to keep for others; 0 is none. */
  readonly storageBytes: number
  /** Its connection costs by the byte: ask others first. */
  readonly metered: boolean
}

/** One announcement. */
export interface CapabilityMessage {
  /** For how long it holds, in milliseconds; 0 takes back what was said before. Not clamped yet. */
  readonly ttlMs: number
  readonly capabilities: Capabilities
}

const version = 1

/** The bytes of an announcement, in a new buffer. */
export function encodeCapabilities({ ttlMs, capabilities }: CapabilityMessage): Uint8Array {
  const { protocols, relay, blobs, storageBytes, metered } = capabilities
  return encodeCbor([version, ttlMs, protocols, relay, blobs, storageBytes, metered])
}

/**
 * Later versions may add fields: what follows the known ones is ignored.
 *
 * @throws `GossipError` `ERR_GOSSIP_PROTOCOL`, whatever the bytes are.
 */
export function decodeCapabilities(bytes: Uint8Array): CapabilityMessage {
  const [spoken, ttlMs, protocols, relay, blobs, storageBytes, metered] = decodeList(bytes)
  if (spoken !== version) throw refused('capabilities of another version')
  return {
    ttlMs: asCount(ttlMs, 'time to live'),
    capabilities: {
      protocols: asList(protocols, MAX_ANNOUNCED_PROTOCOLS, 'protocols').map((name) =>
        asText(name, MAX_ANNOUNCED_PROTOCOL_BYTES, 'protocol'),
      ),
      relay: asFlag(relay, 'relay'),
      blobs: asFlag(blobs, 'blobs'),
      storageBytes: asCount(storageBytes, 'storage'),
      metered: asFlag(metered, 'metered'),
    },
  }
}
