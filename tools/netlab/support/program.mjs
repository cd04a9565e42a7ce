/** Programs of a scenario: each runs at a place of the lab and prints a JSON object per line. */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import process from 'node:process'
import { spawnAt } from './lab.mjs'

/** How much of a program's standard error is kept, in characters, and how long it may take to leave. */
const limits = { errors: 2_000, leaveMs: 5_000 }

/**
 * Starts `file` with Node.
 *
 * @param log - File that gets what it prints on the standard error; for whoever searches a fault.
 */
export function startProgram({ place, file, args, log }) {
  const child = spawnAt(place, process.execPath, [file, ...args])
  const program = { child, events: [], errors: '', news: Promise.withResolvers() }
  child.stdin.on('error', () => undefined)
  if (log !== undefined) child.stderr.pipe(createWriteStream(log))
  child.stderr.on('data', (text) => {
    program.errors = `${program.errors}${text}`.slice(-limits.errors)
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    program.events.push(JSON.parse(line))
    program.news.resolve()
    program.news = Promise.withResolvers()
  })
  child.on('exit', () => program.news.resolve())
  return program
}

/** Ends its input, which tells it to leave, and it when it does not. */
export async function stopProgram({ child }) {
  if (hasEnded(child)) return
  const gone = once(child, 'exit')
  child.stdin.end()
  const late = setTimeout(() => child.kill('SIGKILL'), limits.leaveMs)
  await gone
  clearTimeout(late)
}

/**
 * Waits until it holds, or for `ms`; tells which.
 *
 * @throws when one of the programs ends before.
 */
export async function until(programs, ms, holds) {
  const end = performance.now() + ms
  while (!holds()) {
    const leftMs = end - performance.now()
    if (leftMs <= 0) return false
    const late = Promise.withResolvers()
    const timer = setTimeout(() => late.resolve(), leftMs)
    // Something new, then another look.
    // oxlint-disable-next-line no-await-in-loop
    await Promise.race([late.promise, ...programs.map(({ news }) => news.promise)])
    clearTimeout(timer)
    const dead = programs.find(({ child }) => hasEnded(child))
    if (dead && !holds()) throw new Error(`a program ended: ${dead.errors.trim()}`)
  }
  return true
}

function hasEnded({ exitCode, signalCode }) {
  return exitCode !== null || signalCode !== null
}
