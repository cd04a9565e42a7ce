import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { openRecord, recordKey } from '../src/sealed-record.ts'
import { topicTag } from '../src/tags.ts'

interface Vectors {
  readonly topic: string
  readonly tags: readonly { readonly bucket: number; readonly tag: string }[]
  readonly recordKey: string
  readonly sealed: readonly {
    readonly tag: string
    readonly isGoodbye: boolean
    readonly record: string
    readonly sealed: string
  }[]
}

const file = new URL('vectors/mdns.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const topic = Buffer.from(vectors.topic, 'hex')

it.each(vectors.tags)('names hour $bucket by its known tag', ({ bucket, tag }) => {
  expect(topicTag(topic, bucket)).toBe(tag)
})

it.each(vectors.sealed)('opens the known record, goodbye: $isGoodbye', (known) => {
  expect(Buffer.from(recordKey(topic)).toString('hex')).toBe(vectors.recordKey)
  const opened = openRecord(recordKey(topic), Buffer.from(known.sealed, 'hex'), known)
  expect(Buffer.from(opened ?? []).toString('hex')).toBe(known.record)
})
