import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create as createDigest } from 'multiformats/hashes/digest'
import type { Topic } from '@vudo/transport'

/** The multihash code of sha2-256. */
const sha256Code = 0x12

/**
 * The key under which a topic stands in the DHT: a version 1 CID, codec raw, with the 32
 * bytes of the topic as its digest.
 *
 * The label says sha2-256 although the bytes are a BLAKE2b-256: the DHT reads the bare
 * multihash as a CID, and only that label passes. Nobody checks it against a content.
 */
export function topicToCid(topic: Topic): CID {
  return CID.createV1(raw.code, createDigest(sha256Code, topic))
}
