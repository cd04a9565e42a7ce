/**
 * One trial of a contender of the sync benches: its processes, its data directories, and what each
 * process used between two moments. A contender is a script `contenders/sync-<name>.mjs` that
 * answers questions (see workers.mjs); `usage` among them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from './contest.mjs'
import { startWorker } from './workers.mjs'

const compiled = new URL('compiled.mjs', import.meta.url).href

/**
 * Runs `task` with a way to start processes of a contender and to get directories; ends all of them afterwards.
 *
 * @param nodeOptions - For Node itself: whoever sets some says so in what is printed.
 */
export async function trial(contender, task, nodeOptions = []) {
  const script = fileURLToPath(new URL(`../contenders/sync-${contender}.mjs`, import.meta.url))
  const root = await mkdtemp(path.join(tmpdir(), 'vudo-bench-'))
  const workers = new Set()
  const tools = {
    start(name) {
      const execArgv = [
        '--expose-gc',
        '--import',
        compiled,
        '--disable-warning=TimeoutNegativeWarning',
        ...nodeOptions,
      ]
      const profile = process.env.BENCH_PROFILE
      if (profile !== undefined)
        execArgv.push('--cpu-prof', `--cpu-prof-dir=${path.join(profile, name)}`)
      const worker = startWorker(script, [name], { execArgv })
      workers.add(worker)
      return worker
    },
    directory: (name) => path.join(root, name),
    /** In a process of its own: what was built must not count in the memory of what is measured. */
    async build(args, action = 'build') {
      const builder = tools.start('builder')
      const result = await builder.ask(action, args)
      await builder.ask('close')
      await builder.end()
      workers.delete(builder)
      return result
    },
  }
  try {
    return await task(tools)
  } finally {
    if (process.env.BENCH_PROFILE !== undefined) {
      await Promise.all([...workers].map((worker) => worker.finish()))
    }
    await Promise.all([...workers].map((worker) => worker.end()))
    await rm(root, { recursive: true, force: true })
  }
}

/** What each of the named processes used while `task` ran, and all together as far as it can be added. */
export async function during(workers, task) {
  const before = await usages(workers)
  const startedMs = performance.now()
  const result = await task()
  const wallMs = performance.now() - startedMs
  const after = await usages(workers)
  const used = Object.fromEntries(
    Object.keys(workers).map((name) => [name, difference(before[name], after[name])]),
  )
  const cpuMs = Object.values(used).reduce((sum, one) => sum + one.cpuMs, 0)
  return { result, wallMs, cpuMs, used }
}

async function usages(workers) {
  const entries = Object.entries(workers).map(async ([name, one]) => [name, await one.ask('usage')])
  return Object.fromEntries(await Promise.all(entries))
}

function difference(before, after) {
  const entries = Object.entries(after).map(([key, value]) => [
    key,
    key === 'peakMb' ? value : value - before[key],
  ])
  return Object.fromEntries(entries)
}

/** Runs every contender `rounds` times in an order that turns, and gives the medians of its numbers by its name. */
export async function interleaved(contenders, rounds, once) {
  const rowsByName = new Map(contenders.map((name) => [name, []]))
  for (let turn = 0; turn < rounds; turn++) {
    for (let i = 0; i < contenders.length; i++) {
      const name = contenders[(i + turn) % contenders.length]
      process.stderr.write(`round ${turn + 1} of ${rounds}: ${name}\n`)
      rowsByName.get(name).push(await once(name))
    }
  }
  return Object.fromEntries([...rowsByName].map(([name, rows]) => [name, mediansOf(rows)]))
}

function mediansOf(rows) {
  return Object.fromEntries(
    Object.keys(rows[0]).map((key) => [key, round(median(rows.map((row) => row[key])))]),
  )
}

/** More than three digits would be noise; counts of bytes and frames are exact. */
export function round(value) {
  return Number.isInteger(value) ? value : Number(value.toPrecision(3))
}

/** The value at a share of a list of numbers. */
export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}

/** The ratio of the same number of two contenders. */
export function ratio(ours, peer, key) {
  return round(ours[key] / peer[key])
}

/** The last line of a bench. */
export function printResult(bench, { ours, peers, ratios }) {
  console.log(JSON.stringify({ bench, ours, peers, ratios }))
}
