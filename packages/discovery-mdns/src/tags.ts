/**
 * Tags: the names under which a topic is asked for. They change every hour and are
 * keyed with the topic, so whoever does not know the topic can neither ask for it nor
 * tell tomorrow that today's network had the same peers.
 */
import { blindTopic } from '@vudo/topic'
import type { Topic } from '@vudo/transport'
import { BUCKET_MS, TAG_BYTES } from './limits.ts'

const domain = Buffer.from('vudo/mdns/1')

/**
 * The tag of `topic` in one hour: the first 16 bytes of BLAKE2b-256, keyed with the
 * topic, over a domain, and the number of the hour since 1970 as 8 bytes big endian.
 *
 * @returns 32 lower-case hex characters.
 */
export function topicTag(topic: Topic, bucket: number): string {
  const context = Buffer.concat([domain, Buffer.alloc(8)])
  context.writeBigUInt64BE(BigInt(bucket), domain.length)
  return Buffer.from(blindTopic(topic, context).subarray(0, TAG_BYTES)).toString('hex')
}

/** The hour to which a time belongs. */
export function bucketAt(nowMs: number): number {
  return Math.max(0, Math.floor(nowMs / BUCKET_MS))
}

/** Finds topics by their tags. */
export interface TagTable<T> {
  add(topic: Topic, value: T): void
  delete(value: T): void
  /** Whose tag of this hour, the one before or the one after it is. Clocks differ. */
  find(tag: string, nowMs: number): T | undefined
}

/** Makes an empty table. Costs three tags per topic when one comes, and once an hour. */
export function createTagTable<T>(): TagTable<T> {
  return new Table()
}

class Table<T> implements TagTable<T> {
  readonly #topicsByValue = new Map<T, Topic>()
  readonly #valuesByTag = new Map<string, T>()
  #bucket = -1

  add(topic: Topic, value: T): void {
    this.#topicsByValue.set(value, topic)
    this.#addTags(topic, value)
  }

  delete(value: T): void {
    this.#topicsByValue.delete(value)
    for (const [tag, of] of this.#valuesByTag) if (of === value) this.#valuesByTag.delete(tag)
  }

  find(tag: string, nowMs: number): T | undefined {
    const bucket = bucketAt(nowMs)
    if (bucket !== this.#bucket) {
      this.#bucket = bucket
      this.#valuesByTag.clear()
      for (const [value, topic] of this.#topicsByValue) this.#addTags(topic, value)
    }
    return this.#valuesByTag.get(tag)
  }

  #addTags(topic: Topic, value: T): void {
    if (this.#bucket < 0) return
    for (const offset of [-1, 0, 1]) {
      const bucket = this.#bucket + offset
      if (bucket >= 0) this.#valuesByTag.set(topicTag(topic, bucket), value)
    }
  }
}
