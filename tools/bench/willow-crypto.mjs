/**
 * What Willow's cryptography costs: WILLIAM3 on 1 MiB and on entries of 250 bytes beside the BLAKE3
 * of `@noble/hashes`, and Ed25519 signatures one by one and in batches. Every contender runs in a
 * process of its own; CPU time.
 *
 *   william3        ours, in WebAssembly
 *   javascript      ours where WebAssembly has no SIMD
 *   noble-blake3    BLAKE3 of `@noble/hashes`, one call for a message
 *   native          node:crypto on the main thread, key objects kept
 *   strict          ours on the main thread
 *   pool            ours in batches of 500 beside the main thread
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './support/contest.mjs'
import { startWorker } from './support/workers.mjs'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })
const rounds = Number(values.rounds)
const mebibyte = 1_048_576
const entryBytes = 250
const batch = 500

compile(['identity', 'meadowcap', 'willow'])
const rows = new Map()
const hashes = ['william3', 'javascript', 'noble-blake3']
const verifiers = ['native', 'strict', 'pool']
for (let round = 0; round < rounds; round++) {
  // The order turns, so that what else the machine does hits all alike.
  for (const name of turned(hashes, round)) note(name, await measureHash(name))
  for (const name of turned(verifiers, round)) note(name, await measureVerifier(name))
}
const figures = Object.fromEntries([...rows].map(([name, list]) => [name, medians(list)]))
const { william3, javascript, 'noble-blake3': noble, native, strict, pool } = figures

console.log(
  `willow-crypto, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${rounds} rounds`,
)
console.table(Object.fromEntries(hashes.map((name) => [name, figures[name]])))
console.table(Object.fromEntries(verifiers.map((name) => [name, figures[name]])))
console.log(
  JSON.stringify({
    bench: 'willow-crypto',
    ours: { william3, javascript, strict, pool },
    peers: { 'noble-blake3': noble, native },
    ratios: {
      william3: ratio(william3.mibPerCpuSecond, noble.mibPerCpuSecond),
      william3JavaScript: ratio(javascript.mibPerCpuSecond, noble.mibPerCpuSecond),
      entry: ratio(noble.entryMicroseconds, william3.entryMicroseconds),
      strictVerify: ratio(strict.cpuMicroseconds, native.cpuMicroseconds),
      batchedVerifyWall: ratio(pool.wallMicroseconds, native.wallMicroseconds),
    },
  }),
)

async function measureHash(name) {
  return inProcess('hash', name, async (worker) => {
    const warmUp = name === 'noble-blake3' ? 30 : 300
    await worker.ask('measure', { bytes: mebibyte, count: warmUp })
    const large = await worker.ask('measure', { bytes: mebibyte, count: warmUp })
    await worker.ask('measure', { bytes: entryBytes, count: 50_000 })
    const small = await worker.ask('measure', { bytes: entryBytes, count: 50_000 })
    return {
      mibPerCpuSecond: 1_000_000 / large.cpuMicroseconds,
      entryMicroseconds: small.cpuMicroseconds,
    }
  })
}

async function measureVerifier(name) {
  return inProcess('verify', name, async (worker) => {
    await worker.ask('measure', { batch, count: 2 * batch })
    return worker.ask('measure', { batch, count: 8 * batch })
  })
}

async function inProcess(kind, name, measure) {
  process.stderr.write(`${name}\n`)
  const script = fileURLToPath(new URL(`contenders/willow-crypto-${kind}.mjs`, import.meta.url))
  const compiled = new URL('support/compiled.mjs', import.meta.url).href
  const worker = startWorker(script, [name], { execArgv: ['--import', compiled] })
  try {
    return await measure(worker)
  } finally {
    await worker.end()
  }
}

function note(name, row) {
  rows.set(name, [...(rows.get(name) ?? []), row])
}

function medians(list) {
  return Object.fromEntries(
    Object.keys(list[0]).map((key) => [key, rounded(median(list.map((row) => row[key])))]),
  )
}

function turned(names, by) {
  return names.map((_, index) => names[(index + by) % names.length])
}

function ratio(a, b) {
  return rounded(a / b)
}

/** More than three digits would be noise. */
function rounded(value) {
  return Number(value.toPrecision(3))
}

/** What is measured is what is published (see support/compiled.mjs). */
function compile(packages) {
  const root = path.resolve(import.meta.dirname, '../..')
  const projects = packages.map((name) => `packages/${name}`)
  const tsc = path.join(root, 'node_modules', '.bin', 'tsc')
  const options = { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' }
  const { status } = spawnSync(tsc, ['-b', ...projects], options)
  if (status !== 0) throw new Error('the packages do not compile')
}
