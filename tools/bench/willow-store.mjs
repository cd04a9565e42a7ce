/**
 * What a Willow store costs beside what it cannot do without: the native verification of an
 * Ed25519 signature on the same Node, and a plain scan of the database below it.
 *
 * Entries lie in 64 subspaces at random paths and come in random order. Costs are CPU time of
 * the process with all its threads, so that neither a slow disk nor a busy machine decides;
 * wall times are printed beside them. Making and signing the entries is not measured.
 */
import { spawnSync } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './support/contest.mjs'

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '100000' },
    signed: { type: 'string', default: '5000' },
    directory: { type: 'string', default: tmpdir() },
    // Set by the program itself, for the process that is killed while it writes.
    crash: { type: 'string' },
  },
})
const TOTAL = Number(values.entries)
const SIGNED = Number(values.signed)
const SUBSPACES = 64
const BATCH = 500
/** Inserts over which the cost is taken, up to each of both sizes. */
const WINDOW = Math.min(10_000, TOTAL / 2)

await import('./support/compiled.mjs')
const { ClassicLevel } = await import('classic-level')
const { openStore } = await import('@vudo/storage')
const {
  areaTo3dRange,
  authoriseEntry,
  createArea,
  createEntry,
  createNamespaceKey,
  createPath,
  createRootCapability,
  createUserKey,
  createVerifier,
  full3dRange,
  pathRanges,
  subspaceArea,
  timeRanges,
} = await import('@vudo/meadowcap')
const { openMemoryWillowStore, openPayloadVault, openPersistentWillowStore } =
  await import('@vudo/willow')

/** The same numbers in every run and process. */
let state = 1
const random = (below) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}
const seedOf = (number) => new Uint8Array(32).fill(number + 1)
const users = Array.from({ length: SUBSPACES }, (_, number) => createUserKey(seedOf(number)))
const namespaceId = (() => {
  for (let number = 100; ; number++) {
    try {
      return createNamespaceKey({ kind: 'communal', seed: seedOf(number) }).publicKey
    } catch {
      // The seed makes a key of the other kind.
    }
  }
})()
const capabilities = users.map(({ publicKey }) =>
  createRootCapability({ access: 'write', namespace: namespaceId, userKey: publicKey }),
)
/** By the text of the raw key. */
const publicKeys = new Map()
const accepting = { denialsOf: async (writes) => writes.map(() => undefined) }

if (values.crash === undefined) await measure()
else await insertAndDie(values.crash)

async function measure() {
  const directory = await mkdtemp(path.join(values.directory, 'vudo-bench-'))
  try {
    const { verifyMicroseconds, ...signed } = await measureSigned(path.join(directory, 'signed'))
    const memory = await measureMemory()
    const large = await measureLarge(path.join(directory, 'large'))
    report(verifyMicroseconds, { ...signed, ...memory, ...large })
  } finally {
    await rm(directory, { recursive: true })
  }
}

function report(verifyMicroseconds, ours) {
  const rows = { verifyMicroseconds, ...ours }
  console.table(
    Object.fromEntries(
      Object.entries(rows).map(([name, value]) => [name, { value: round(value) }]),
    ),
  )
  const per = (cost) => round(cost / verifyMicroseconds)
  const rounded = Object.fromEntries(
    Object.entries(ours).map(([name, value]) => [name, round(value)]),
  )
  console.log(
    JSON.stringify({
      bench: 'willow-store',
      ours: rounded,
      peers: {
        ed25519: { verifyMicroseconds: round(verifyMicroseconds) },
        level: { scanMs: round(ours.rawScanMs) },
      },
      ratios: {
        insert: per(ours.insertMicroseconds),
        signedInsert: per(ours.signedInsertMicroseconds),
        insertMemory: per(ours.insertMemoryMicroseconds),
        growth: round(ours.insertAtTotalMicroseconds / ours.insertAtTenThousandMicroseconds),
        areaScan: round(ours.areaScanMs / ours.rawScanMs),
      },
    }),
  )
}

/** Inserts with the whole write check, and the one verification that each of them needs. */
async function measureSigned(directory) {
  const entries = entriesOf(SIGNED, true)
  const opened = await open(directory, createVerifier())
  const verifyCosts = []
  const insertCosts = []
  await opened.store.insertMany(entries.slice(0, BATCH))
  verifyCost(entries.slice(0, BATCH))
  for (let at = BATCH; at < entries.length; at += BATCH) {
    const batch = entries.slice(at, at + BATCH)
    verifyCosts.push(verifyCost(batch))
    insertCosts.push((await costOf(() => opened.store.insertMany(batch))).cpu / batch.length)
  }
  const singles = []
  for (const one of entriesOf(50, true)) {
    singles.push((await costOf(() => opened.store.insert(one))).wall)
  }
  await opened.close()
  return {
    verifyMicroseconds: median(verifyCosts),
    signedInsertMicroseconds: median(insertCosts),
    singleDurableInsertWallMs: median(singles) / 1_000,
  }
}

/** Microseconds of CPU per native verification, with the key imported already. */
function verifyCost(batch) {
  const checks = batch.map(({ entry, token }) => {
    const name = Buffer.from(entry.subspaceId).toString('base64url')
    if (!publicKeys.has(name)) {
      const key = { kty: 'OKP', crv: 'Ed25519', x: name }
      publicKeys.set(name, createPublicKey({ key, format: 'jwk' }))
    }
    return [Buffer.alloc(200, 1), publicKeys.get(name), token.signature]
  })
  const before = process.cpuUsage()
  for (const [message, key, signature] of checks) verify(null, message, key, signature)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / batch.length
}

async function measureMemory() {
  const store = await openMemoryWillowStore({ namespaceId, verifier: accepting })
  await insertNew(store, WINDOW)
  const { cpu } = await insertNew(store, WINDOW)
  await store.close()
  return { insertMemoryMicroseconds: cpu }
}

async function measureLarge(directory) {
  const inserts = await measureInserts(directory)
  const { opened, ...reopening } = await reopen(directory)
  const fingerprints = await measureFingerprints(opened.store)
  await opened.close()
  const crash = await measureCrash(directory)
  return {
    ...inserts,
    ...fingerprints,
    reopenMs: reopening.wallMs,
    reopenCpuMs: reopening.cpuMs,
    ...crash,
    ...(await measureScans(directory)),
  }
}

async function measureInserts(directory) {
  const opened = await open(directory, accepting)
  // The first inserts of a process also pay for its compiler.
  const first = await insertNew(opened.store, WINDOW)
  const between = await insertNew(opened.store, TOTAL - 2 * WINDOW)
  const small = []
  const large = []
  const rounds = 3
  for (let turn = 0; turn < rounds; turn++) {
    // Of a store of its own each time, up to ten thousand; in turns with the large one.
    const fresh = await open(`${directory}-${turn}`, accepting)
    small.push((await insertNew(fresh.store, WINDOW)).cpu)
    await fresh.close()
    large.push((await insertNew(opened.store, Math.floor(WINDOW / rounds))).cpu)
  }
  await opened.close()
  const sum = first.cpu * WINDOW + between.cpu * (TOTAL - 2 * WINDOW) + median(large) * WINDOW
  return {
    insertMicroseconds: sum / TOTAL,
    insertWallMicroseconds: between.wall,
    insertAtTenThousandMicroseconds: median(small),
    insertAtTotalMicroseconds: median(large),
  }
}

/** CPU time for ranges of random bounds, as reconciliation and queries ask for. */
async function measureFingerprints(store) {
  const costs = { path: [], subspaces: [], time: [] }
  const day = 86_400_000_000n
  for (let turn = 0; turn < 200; turn++) {
    const [a, b] = [randomPath(), randomPath()]
    const paths = pathRanges.compare(a, b) < 0 ? pathRanges.create(a, b) : pathRanges.create(a)
    const one = { ...areaTo3dRange(subspaceArea(users[random(SUBSPACES)].publicKey)), paths }
    const all = { ...full3dRange, paths }
    const start = 848_404_869_184_000n + BigInt(random(20)) * day
    const timed = { ...full3dRange, times: timeRanges.create(start, start + 5n * day) }
    for (const [name, range] of Object.entries({ path: one, subspaces: all, time: timed })) {
      if (name === 'time' && turn % 20 > 0) continue
      costs[name].push((await costOf(() => store.summarise(range))).cpu / 1_000)
    }
  }
  return {
    fingerprintMs: median(costs.path),
    fingerprintWorstMs: Math.max(...costs.path),
    fingerprintAllSubspacesMs: median(costs.subspaces),
    fingerprintAnyTimeMs: median(costs.time),
  }
}

async function measureCrash(directory) {
  const self = [fileURLToPath(import.meta.url), '--crash', directory, '--entries', values.entries]
  const { signal } = spawnSync(process.execPath, self, { stdio: 'inherit' })
  if (signal !== 'SIGKILL') throw new Error('the process that was to be killed ended by itself')
  const { opened, wallMs, cpuMs } = await reopen(directory)
  await opened.close()
  return { reopenAfterCrashMs: wallMs, reopenAfterCrashCpuMs: cpuMs }
}

/** Until the first answer. */
async function reopen(directory) {
  let opened
  const { cpu, wall } = await costOf(async () => {
    opened = await open(directory, accepting)
    await opened.store.summarise(full3dRange)
  })
  return { opened, wallMs: wall / 1_000, cpuMs: cpu / 1_000 }
}

async function insertAndDie(directory) {
  state = 12_345
  const { store } = await open(directory, accepting)
  await insertNew(store, 4_000)
  process.kill(process.pid, 'SIGKILL')
}

/** The area of one subspace against a scan of the same records by abstract-level itself, in turns. */
async function measureScans(directory) {
  const ours = []
  const raw = []
  for (let turn = 0; turn < 4; turn++) {
    const level = new ClassicLevel(path.join(directory, 'store', 'records'), {
      keyEncoding: 'view',
      valueEncoding: 'view',
    })
    await level.open()
    const rawCosts = await scanCosts((number) => scanRaw(level, number))
    await level.close()
    const opened = await open(directory, accepting)
    const ourCosts = await scanCosts((number) => scanOurs(opened.store, number))
    await opened.close()
    // The first turn is for the compiler, and for what the database tidies up after the crash.
    if (turn === 0) continue
    raw.push(...rawCosts)
    ours.push(...ourCosts)
  }
  return {
    areaScanMs: median(ours),
    rawScanMs: median(raw),
    areaEntries: Math.round(TOTAL / SUBSPACES),
  }
}

async function scanCosts(scan) {
  const costs = []
  for (let number = 0; number < SUBSPACES; number += 3) {
    costs.push((await costOf(() => scan(number))).cpu / 1_000)
  }
  return costs
}

async function scanOurs(store, number) {
  const area = createArea({ subspaceId: users[number].publicKey })
  let bytes = 0
  for await (const { entry } of store.query(area)) bytes += entry.payloadDigest.length
  return bytes
}

async function scanRaw(level, number) {
  // As docs/wire-formats/stored-records.md and willow-store.md say: record, view `n`, entry, subspace.
  const prefix = [1, 1, 1, 0x6e, 0, 1, ...users[number].publicKey]
  const range = { gte: Uint8Array.from(prefix), lt: Uint8Array.from([...prefix, 0xff, 0xff]) }
  let bytes = 0
  for await (const [, value] of level.iterator(range)) bytes += value.length
  return bytes
}

async function open(directory, verifier) {
  const storage = await openStore({ directory: path.join(directory, 'store') })
  const payloads = await openPayloadVault({ directory: path.join(directory, 'payloads') })
  const store = await openPersistentWillowStore({
    namespaceId,
    storage: storage.sub('n'),
    payloads,
    verifier,
  })
  const close = async () => {
    await store.close()
    await storage.close()
  }
  return { store, close }
}

/** Microseconds per entry. The entries are made batch by batch: a heap full of them would be what is measured. */
async function insertNew(store, count) {
  const total = { cpu: 0, wall: 0 }
  for (let left = count; left > 0; left -= BATCH) {
    const batch = entriesOf(Math.min(left, BATCH), false)
    const { cpu, wall } = await costOf(() => store.insertMany(batch))
    total.cpu += cpu
    total.wall += wall
  }
  return { cpu: total.cpu / count, wall: total.wall / count }
}

/** Microseconds of CPU of all threads, and of waiting. */
async function costOf(work) {
  const startedMs = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { cpu: user + system, wall: (performance.now() - startedMs) * 1_000 }
}

function entriesOf(count, isSigned) {
  return Array.from({ length: count }, () => {
    const user = random(SUBSPACES)
    const entry = createEntry({
      namespaceId,
      subspaceId: users[user].publicKey,
      path: randomPath(),
      timestamp: 848_404_869_184_000n + BigInt(random(2 ** 31)) * 1_000n,
      payloadLength: BigInt(random(100_000)),
      payloadDigest: Uint8Array.from({ length: 32 }, () => random(256)),
    })
    if (isSigned) return { entry, token: authoriseEntry(entry, capabilities[user], users[user]) }
    const signature = Uint8Array.from({ length: 64 }, () => random(256))
    return { entry, token: { capability: capabilities[user], signature } }
  })
}

/** As of an application that files things under a topic and a random name. */
function randomPath() {
  const name = Array.from({ length: 16 }, () => random(36).toString(36)).join('')
  return createPath(['notes', `topic-${random(50)}`, name])
}

function round(value) {
  return Number(value.toPrecision(3))
}
