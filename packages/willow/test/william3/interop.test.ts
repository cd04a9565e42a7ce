import { createWilliam3, william3 } from '@vudo/willow'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createJavaScriptKernel } from '../../src/william3/javascript-kernel.ts'
import { hashBy } from '../../src/william3/william3.ts'
import { keyedByBabRs, referenceWilliam3 } from './reference.ts'

interface Vectors {
  readonly key: string
  readonly digests: readonly {
    readonly length: number
    readonly digest: string
    readonly keyed: string
  }[]
}

const file = new URL('../vectors/interop-william3.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const message = Uint8Array.from({ length: 1_048_577 }, (_, index) => index % 251)
const key = Uint8Array.from(Buffer.from(vectors.key, 'hex'))

it('gives the digests of the Rust implementation, up to 1 MiB', () => {
  const javascript = createJavaScriptKernel()
  for (const { length, digest } of vectors.digests) {
    const bytes = message.subarray(0, length)
    expect(hex(william3(bytes)), `${length}`).toBe(digest)
    expect(hex(hashBy(javascript, bytes, {})), `JavaScript ${length}`).toBe(digest)
    const hasher = createWilliam3()
    for (let at = 0; at < length; at += 30_011) hasher.update(bytes.subarray(at, at + 30_011))
    expect(hex(hasher.digest()), `in pieces ${length}`).toBe(digest)
  }
})

it('gives its keyed digests of one chunk', () => {
  const ofOneChunk = vectors.digests.filter((vector) => vector.length <= 1_024)
  for (const { length, keyed } of ofOneChunk) {
    expect(hex(william3(message.subarray(0, length), { key })), `${length}`).toBe(keyed)
  }
})

it('differs from its keyed digests of several chunks by the flag of parents, as the text has it', () => {
  const several = vectors.digests.filter(({ length }) => length > 1_024 && length < 20_000)
  for (const { length, keyed } of several) {
    const bytes = message.subarray(0, length)
    expect(hex(keyedByBabRs(bytes, key)), `${length}`).toBe(keyed)
    expect(hex(william3(bytes, { key })), `${length}`).toBe(hex(referenceWilliam3(bytes, key)))
  }
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
