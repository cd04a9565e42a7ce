/**
 * One way of checking Ed25519 signatures of entries, in a process of its own: `native` (`node:crypto`
 * on the main thread, key objects kept), `strict` (ours on the main thread) or `pool` (ours in
 * batches beside it).
 */
import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { answer } from '../support/workers.mjs'

const [name] = process.argv.slice(2)
const entryBytes = 250
const authors = 16
const verifyBatch = await batchVerifier()

answer({
  /** Time of one signature among batches of `batch`, and how long the main thread was away at most. */
  async measure({ batch, count }) {
    const items = signedEntries(batch)
    const away = watchMainThread()
    const startedMs = performance.now()
    const before = process.cpuUsage()
    for (let done = 0; done < count; done += batch) {
      const answers = await verifyBatch(items)
      if (!answers.every(Boolean)) throw new Error(`${name} refused a signature`)
      await new Promise((resolve) => void setImmediate(resolve))
    }
    const { user, system } = process.cpuUsage(before)
    const wallMs = performance.now() - startedMs
    return {
      wallMicroseconds: (1_000 * wallMs) / count,
      cpuMicroseconds: (user + system) / count,
      awayMs: away.end(),
    }
  },
})

async function batchVerifier() {
  if (name === 'native') {
    return (items) => items.map((item) => verify(null, item.message, item.key, item.signature))
  }
  if (name === 'strict') {
    const { verifyEd25519 } = await import('@vudo/identity')
    return (items) =>
      items.map((item) => verifyEd25519(item.publicKey, item.message, item.signature))
  }
  const { createVerifyPool } = await import('@vudo/willow')
  const pool = createVerifyPool()
  return (items) => pool.verifyMany(items)
}

function signedEntries(count) {
  const pairs = Array.from({ length: authors }, () => generateKeyPairSync('ed25519'))
  return Array.from({ length: count }, (_, index) => {
    const { privateKey, publicKey } = pairs[index % authors]
    const message = new Uint8Array(randomBytes(entryBytes))
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
    return {
      key: publicKey,
      publicKey: new Uint8Array(raw),
      message,
      signature: new Uint8Array(sign(null, message, privateKey)),
    }
  })
}

/** The longest time between two turns of the event loop. */
function watchMainThread() {
  let longestMs = 0
  let lastMs = performance.now()
  const look = () => {
    const nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - lastMs)
    lastMs = nowMs
  }
  const timer = setInterval(look, 1)
  return {
    end() {
      look()
      clearInterval(timer)
      return longestMs
    },
  }
}
