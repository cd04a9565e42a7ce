/** Labels of WILLIAM3 by WebAssembly with SIMD (WebAssembly Core Specification 2.0). */
import { CHUNK_BYTES, DIGEST_BYTES, INPUT, KEY, NODES, flagOf, type Kernel } from './kernel.ts'
import { wasmBase64 } from './wasm-binary.ts'

/** What the module exports; `test/william3/william3-module.ts` says what each parameter is. */
interface WasmExports {
  readonly memory: WebAssembly.Memory
  readonly lanes: (...parameters: readonly number[]) => void
  readonly blocks: (...parameters: readonly number[]) => void
}

const { chunkStart, chunkEnd, parent: parentFlag, keyed } = flagOf

/** A kernel with a memory of its own; `undefined` where WebAssembly or its SIMD is missing or not allowed. */
export function createWasmKernel(): Kernel | undefined {
  const exports = instantiate()
  if (exports === undefined) return undefined
  const { lanes, blocks } = exports
  const memory = new Uint8Array(exports.memory.buffer)
  const plain = memory.slice(KEY, KEY + DIGEST_BYTES)
  let flags = 0
  const chunk: Kernel['chunk'] = (index, length, root) => {
    const at = INPUT + index * CHUNK_BYTES
    blocks(at, length, 0, 0, flags, chunkStart, chunkEnd | root, NODES + index * DIGEST_BYTES)
  }
  const parent: Kernel['parent'] = (index, bytes, root) => {
    const at = NODES + 2 * index * DIGEST_BYTES
    const high = Math.floor(bytes / 2 ** 32)
    const all = flags | parentFlag | root
    blocks(at, 2 * DIGEST_BYTES, bytes, high, all, 0, 0, NODES + index * DIGEST_BYTES)
  }
  return {
    name: 'wasm',
    memory,
    setKey(key) {
      if (key === undefined && flags === 0) return
      flags = key === undefined ? 0 : keyed
      memory.set(key ?? plain, KEY)
    },
    chunks(count) {
      let index = 0
      // Four at a time cost 1.7 times as much as one; what lanes too many compute is overwritten later.
      for (; count - index > 1; index += 4) {
        const at = INPUT + index * CHUNK_BYTES
        const out = NODES + index * DIGEST_BYTES
        lanes(at, CHUNK_BYTES, 16, 0, flags, chunkStart, chunkEnd, out)
      }
      if (index < count) chunk(index, CHUNK_BYTES, 0)
    },
    chunk,
    parents(count, bytes) {
      let index = 0
      for (; count - index > 1; index += 4) {
        const at = NODES + 2 * index * DIGEST_BYTES
        const out = NODES + index * DIGEST_BYTES
        lanes(at, 2 * DIGEST_BYTES, 1, bytes, flags | parentFlag, 0, 0, out)
      }
      if (index < count) parent(index, bytes, 0)
    },
    parent,
  }
}

function instantiate(): WasmExports | undefined {
  if (typeof WebAssembly === 'undefined') return undefined
  const binary = Uint8Array.from(atob(wasmBase64), (character) => character.charCodeAt(0))
  // Without SIMD the module is not valid.
  if (!WebAssembly.validate(binary)) return undefined
  try {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(binary))
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the binary is ours
    return instance.exports as unknown as WasmExports
  } catch {
    // A page may forbid compilation (Content-Security-Policy): JavaScript gives the same digests.
    return undefined
  }
}
