/**
 * What it costs two Willow stores to agree: legs (what one end says before it hears again),
 * messages and bytes, entries with their tokens included, payloads not.
 *
 * Both stores are in memory and in this process; entries lie in 64 subspaces, at paths under one
 * of 50 topics with random names of 8 characters. Signature, digest, timestamp, length and such
 * a path are 125 bytes of each entry that is sent; longer names cost what they have more.
 * "onePercent" and "half" mean that the second store, which does not begin, lacks so much at
 * random places.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
// oxlint-disable-next-line import/no-unassigned-import -- it changes how packages are found
import './support/compiled.mjs'

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '10000' },
    large: { type: 'string', default: '100000' },
  },
})
const SUBSPACES = 64
const BATCH = 500

const {
  createEntry,
  createNamespaceKey,
  createPath,
  createRootCapability,
  createUserKey,
  full3dRange,
} = await import('@vudo/meadowcap')
const { createReconciliation, createStoreRequests, openMemoryWillowStore } =
  await import('@vudo/willow')

/** The same numbers in every run. */
let state = 1
const random = (below) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}

const namespaceId = createNamespaceKey({ kind: 'communal' }).publicKey
const users = Array.from({ length: SUBSPACES }, (_, at) =>
  createUserKey(new Uint8Array(32).fill(at + 1)),
)
const capabilities = users.map(({ publicKey: userKey }) =>
  createRootCapability({ access: 'write', namespace: namespaceId, userKey }),
)
/** Signatures are not what is measured: tools/bench/willow-crypto.mjs does that. */
const accepting = { denialsOf: async (writes) => writes.map(() => undefined) }

const small = Number(values.entries)
const large = Number(values.large)
const ours = {
  equal: await measure(small, 0),
  onePercent: await measure(small, 0.01),
  half: await measure(small, 0.5),
  all: await measure(small, 1),
  onePercentOfLarge: await measure(large, 0.01),
}
const goals = {
  equal: { legs: 2, bytes: 100 },
  onePercent: { legs: 7, bytes: 150_000 },
  half: { legs: 9, bytes: 750_000 },
  onePercentOfLarge: { legs: 9 },
}
console.log('stores               legs  messages      bytes      entries sent   CPU ms')
for (const [name, { legs, messages, bytes, sent, cpuMs }] of Object.entries(ours)) {
  const cells = [
    name.padEnd(20),
    String(legs).padStart(5),
    String(messages).padStart(9),
    String(bytes).padStart(10),
    String(sent).padStart(17),
    String(cpuMs).padStart(8),
  ]
  console.log(cells.join(' '))
}
for (const [name, goal] of Object.entries(goals)) {
  for (const [key, most] of Object.entries(goal)) {
    if (ours[name][key] > most)
      console.log(`above the goal: ${name}.${key} ${ours[name][key]}, at most ${most}`)
  }
}
console.log(JSON.stringify({ bench: 'willow-reconcile', ours, peers: {}, ratios: {} }))

async function measure(count, missing) {
  state = 1
  const [first, second] = await Promise.all([openStore(), openStore()])
  let lacking = 0
  for (let at = 0; at < count; at += BATCH) {
    const entries = Array.from({ length: Math.min(BATCH, count - at) }, randomEntry)
    await first.insertMany(entries)
    const kept = entries.filter(() => random(1_000_000) >= missing * 1_000_000)
    lacking += entries.length - kept.length
    await second.insertMany(kept)
  }
  const result = await reconcile(first, second)
  if (second.count !== first.count)
    throw new Error(`${second.count} entries, expected ${first.count}`)
  await first.close()
  await second.close()
  return { ...result, lacking }
}

function openStore() {
  return openMemoryWillowStore({ namespaceId, verifier: accepting })
}

async function reconcile(first, second) {
  const totals = { legs: 0, messages: 0, bytes: 0, sent: 0 }
  const ends = [endOf(first, true, totals), endOf(second, false, totals)]
  const before = process.cpuUsage()
  let sent = await ends[0].run({ type: 'start' })
  for (let to = 1; sent.length > 0; to = 1 - to) {
    totals.legs += 1
    totals.messages += sent.length
    const next = []
    for (const message of sent) {
      totals.bytes += message.length
      next.push(...(await ends[to].run({ type: 'message', bytes: message })))
    }
    sent = next
  }
  const { user, system } = process.cpuUsage(before)
  return { ...totals, cpuMs: Math.round((user + system) / 1_000) }
}

function endOf(store, isInitiator, totals) {
  const core = createReconciliation({ namespaceId, range: full3dRange, isInitiator })
  const requests = createStoreRequests(store)
  return {
    async run(input) {
      const sent = []
      const effects = [...core.handle(input)]
      for (let effect = effects.shift(); effect; effect = effects.shift()) {
        if (effect.type === 'send') sent.push(effect.bytes)
        if (effect.type === 'received') totals.sent += effect.entries.length
        if (effect.type === 'fail') throw new Error(effect.message)
        if (effect.type !== 'request') continue
        const answer = await requests.answer(effect.request)
        effects.push(...core.handle({ type: 'answer', answer }))
      }
      return sent
    },
  }
}

function randomEntry() {
  const user = random(SUBSPACES)
  const name = Array.from({ length: 8 }, () => random(36).toString(36)).join('')
  const entry = createEntry({
    namespaceId,
    subspaceId: users[user].publicKey,
    path: createPath(['notes', `topic-${random(50)}`, name]),
    timestamp: 848_404_869_184_000n + BigInt(random(2 ** 31)) * 1_000n,
    payloadLength: BigInt(random(100_000)),
    payloadDigest: Uint8Array.from({ length: 32 }, () => random(256)),
  })
  const signature = Uint8Array.from({ length: 64 }, () => random(256))
  return { entry, token: { capability: capabilities[user], signature } }
}
