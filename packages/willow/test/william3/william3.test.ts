import { createWilliam3, william3 } from '@vudo/willow'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { createJavaScriptKernel } from '../../src/william3/javascript-kernel.ts'
import { BATCH_BYTES, CHUNK_BYTES, INPUT, NODES, type Kernel } from '../../src/william3/kernel.ts'
import { createWasmKernel } from '../../src/william3/wasm-kernel.ts'
import { createHasherBy, hashBy } from '../../src/william3/william3.ts'
import { referenceWilliam3 } from './reference.ts'

interface Known {
  readonly length: number
  readonly digest: string
}

interface Vectors {
  readonly digests: readonly Known[]
  readonly utf8: readonly { readonly text: string; readonly digest: string }[]
  readonly keyed: { readonly key: string; readonly digests: readonly Known[] }
  readonly treeOf2500: Readonly<Record<'chunk0' | 'chunk2' | 'parent01' | 'root', string>>
}

const file = new URL('../vectors/william3.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const message = Uint8Array.from({ length: 300_000 }, (_, index) => (7 * index + 3) & 255)
const key = Uint8Array.from({ length: 32 }, (_, index) => index)

const wasmKernel = createWasmKernel()
if (wasmKernel === undefined) throw new Error('Node has SIMD in WebAssembly')
const kernels: readonly Kernel[] = [wasmKernel, createJavaScriptKernel()]

describe.each(kernels)('William3 by $name', (kernel) => {
  it('gives the known digests', () => {
    for (const { length, digest } of vectors.digests) {
      expect(hex(hashBy(kernel, message.subarray(0, length), {})), `${length}`).toBe(digest)
    }
    for (const { text, digest } of vectors.utf8) {
      expect(hex(hashBy(kernel, new TextEncoder().encode(text), {}))).toBe(digest)
    }
  })

  it('gives the known digests with a key', () => {
    const secret = Uint8Array.from(Buffer.from(vectors.keyed.key, 'hex'))
    for (const { length, digest } of vectors.keyed.digests) {
      const bytes = message.subarray(0, length)
      expect(hex(hashBy(kernel, bytes, { key: secret })), `${length}`).toBe(digest)
    }
  })

  it('gives the known labels inside a tree', () => {
    const { chunk0, chunk2, parent01, root } = vectors.treeOf2500
    const labels = (count: number): readonly string[] =>
      Array.from({ length: count }, (_, i) =>
        hex(kernel.memory.subarray(NODES + 32 * i, NODES + 32 * i + 32)),
      )
    kernel.setKey(undefined)
    kernel.memory.fill(0, INPUT, INPUT + 3 * CHUNK_BYTES)
    kernel.memory.set(message.subarray(0, 2500), INPUT)
    kernel.chunks(2)
    kernel.chunk(2, 452, 0)
    expect(labels(3)).toEqual([chunk0, chunk0, chunk2])
    kernel.parent(0, 2048, 0)
    expect(labels(1)).toEqual([parent01])
    expect(hex(hashBy(kernel, message.subarray(0, 2500), {}))).toBe(root)
  })

  it('gives the same however the message is cut', () => {
    const cut = fc.array(fc.oneof(fc.nat(200), fc.nat(3 * CHUNK_BYTES), fc.nat(3 * BATCH_BYTES)), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(cut, fc.boolean(), (sizes, keyed) => {
        const options = keyed ? { key } : {}
        const hasher = createHasherBy(kernel, options)
        let at = 0
        for (const size of sizes) {
          hasher.update(message.subarray(at, at + size))
          at = Math.min(at + size, message.length)
          expect(hex(hasher.digest())).toBe(hex(hashBy(kernel, message.subarray(0, at), options)))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('counts bytes beyond 32 bits', () => {
    const bytes = 2 ** 40 + 5
    const block = Uint8Array.from({ length: 64 }, (_, index) => index)
    kernel.setKey(undefined)
    kernel.memory.set(block, NODES)
    kernel.parent(0, bytes, 0)
    const label = kernel.memory.slice(NODES, NODES + 32)
    kernel.memory.set(block, NODES)
    kernel.parent(0, 5, 0)
    expect(hex(label)).not.toBe(hex(kernel.memory.slice(NODES, NODES + 32)))
    labelsBeyond32Bits.add(hex(label))
    expect(labelsBeyond32Bits.size).toBe(1)
  })

  it('keeps no key in its memory', () => {
    const secret = Uint8Array.from({ length: 32 }, (_, index) => 200 - index)
    hashBy(kernel, message.subarray(0, 40_000), { key: secret })
    createHasherBy(kernel, { key: secret }).update(message.subarray(0, 40_000)).digest()
    expect(hex(kernel.memory)).not.toContain(hex(secret))
  })
})

/** What the kernels gave for one block: the same, so never more than one. */
const labelsBeyond32Bits = new Set<string>()

describe('william3', () => {
  it('is the digest that the specification prints', () => {
    expect(hex(william3(new Uint8Array(0)))).toBe(vectors.digests[0]?.digest)
    expect(hex(createWilliam3().digest())).toBe(vectors.digests[0]?.digest)
  })

  it('is the same in WebAssembly, in JavaScript and in the reference', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6_000 }), fc.boolean(), (bytes, keyed) => {
        const options = keyed ? { key } : {}
        const expected = hex(referenceWilliam3(bytes, options.key))
        for (const kernel of kernels) expect(hex(hashBy(kernel, bytes, options))).toBe(expected)
      }),
    )
  })

  it('agrees with the reference at every size around borders of blocks, chunks and batches', () => {
    for (const length of sizesAroundBorders()) {
      const bytes = message.subarray(0, length)
      // The key every second time: the reference is slow.
      const options = length % 2 === 0 ? {} : { key }
      const expected = hex(referenceWilliam3(bytes, options.key))
      for (const kernel of kernels) {
        expect(hex(hashBy(kernel, bytes, options)), `${kernel.name} ${length}`).toBe(expected)
      }
    }
  })

  it('keeps hashers apart that take turns', () => {
    const plain = createWilliam3()
    const keyed = createWilliam3({ key })
    for (let at = 0; at < 100_000; at += 9_999) {
      plain.update(message.subarray(at, at + 9_999))
      keyed.update(message.subarray(at, at + 9_999))
    }
    const whole = message.subarray(0, 11 * 9_999)
    expect(hex(plain.digest())).toBe(hex(referenceWilliam3(whole)))
    expect(hex(keyed.digest())).toBe(hex(referenceWilliam3(whole, key)))
  })

  it('copies the key and the pieces that it is given', () => {
    const own = key.slice()
    const piece = message.slice(0, 500)
    const hasher = createWilliam3({ key: own }).update(piece)
    own.fill(0)
    piece.fill(0)
    expect(hex(hasher.digest())).toBe(hex(referenceWilliam3(message.subarray(0, 500), key)))
  })

  it('gives a digest that belongs to the caller', () => {
    const digest = william3(message)
    const before = hex(digest)
    william3(message.subarray(1))
    expect(hex(digest)).toBe(before)
  })

  it('refuses a key of another length', () => {
    expect(() => william3(message, { key: new Uint8Array(31) })).toThrow(
      new RangeError('key has 31 bytes, expected 32'),
    )
    expect(() => createWilliam3({ key: new Uint8Array(33) })).toThrow(RangeError)
  })
})

describe('without SIMD in WebAssembly', () => {
  it.each([
    ['WebAssembly is missing', undefined],
    ['the module is not valid there', { validate: (): boolean => false }],
    [
      'a page forbids compilation',
      {
        validate: (): boolean => true,
        Module: vi.fn<() => void>().mockThrow(new Error('unsafe-eval')),
      },
    ],
  ])('JavaScript takes over: %s', async (_, replacement) => {
    vi.stubGlobal('WebAssembly', replacement)
    vi.resetModules()
    try {
      const { sharedKernel } = await import('../../src/william3/shared-kernel.ts')
      expect(sharedKernel().name).toBe('javascript')
    } finally {
      vi.unstubAllGlobals()
    }
  })
})

/** All sizes near a multiple of a block, a chunk or a batch, and every number of chunks of two batches. */
function sizesAroundBorders(): readonly number[] {
  const sizes = new Set<number>()
  const around = (border: number): void => {
    for (const size of [border - 1, border, border + 1]) if (size >= 0) sizes.add(size)
  }
  for (let border = 0; border <= 2 * CHUNK_BYTES; border += 64) around(border)
  for (let chunks = 2; chunks <= 34; chunks++) around(chunks * CHUNK_BYTES)
  for (const batches of [3, 4, 5, 7, 8, 9]) around(batches * BATCH_BYTES)
  return [...sizes]
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
