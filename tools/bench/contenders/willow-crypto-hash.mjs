/**
 * One hash function in a process of its own: `william3` (ours, in WebAssembly), `javascript` (ours
 * where WebAssembly has no SIMD) or `noble-blake3`, which hashes a whole message in one call: its
 * fastest way.
 */
import process from 'node:process'
import { answer } from '../support/workers.mjs'

const [name] = process.argv.slice(2)
if (name === 'javascript') WebAssembly.validate = () => false
const hash = await hashOf()

answer({
  /** CPU time of `count` digests of `bytes` bytes. */
  measure({ bytes, count }) {
    const message = Uint8Array.from({ length: bytes }, (_, index) => 7 * index + 3)
    const before = process.cpuUsage()
    for (let i = 0; i < count; i++) hash(message)
    const { user, system } = process.cpuUsage(before)
    return { cpuMicroseconds: (user + system) / count }
  },
})

async function hashOf() {
  if (name === 'noble-blake3') return (await import('@noble/hashes/blake3.js')).blake3
  return (await import('@vudo/willow')).william3
}
