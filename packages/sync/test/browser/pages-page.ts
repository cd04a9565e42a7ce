/** What the tests of pages run in each tab. */
import type { Database, DocumentHandle } from '@vudo/sync'
import { connectWorker } from '@vudo/sync/page'

interface Note {
  lines: string[]
}

let database: Database | undefined
let hasEnded = false
let started = 0
const events: string[] = []
const { Worker: PlatformWorker } = globalThis

globalThis.Worker = class extends PlatformWorker {
  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, options)
    started += 1
  }
}
const handles = new Map<string, DocumentHandle<Note>>()

/** @param init - For `pages-engine.ts`. */
export async function connect(init: Record<string, unknown>): Promise<string> {
  const name = JSON.stringify(init)
  const worker =
    init['kind'] === 'dedicated'
      ? new Worker(new URL('./pages-worker.ts', import.meta.url), { type: 'module', name })
      : new SharedWorker(new URL('./pages-worker.ts', import.meta.url), { type: 'module', name })
  try {
    database = await connectWorker(worker)
    handles.clear()
    hasEnded = false
    database.events.on('worker:ended', () => (hasEnded = true))
    database.events.on('document:quarantined', ({ path, reason }) => {
      events.push(`${path}: ${reason}`)
    })
    return 'connected'
  } catch (error) {
    return String(Reflect.get(Object(error), 'code') ?? error)
  }
}

function connected(): Database {
  if (!database) throw new Error('no database')
  return database
}

async function noteAt(path: string): Promise<DocumentHandle<Note>> {
  const known = handles.get(path)
  if (known) return known
  const handle = await connected().open<Note>(path, { lines: [] })
  handles.set(path, handle)
  return handle
}

export async function open(path: string): Promise<readonly string[]> {
  return (await noteAt(path)).current.lines
}

export async function add(path: string, line: string): Promise<void> {
  const note = await noteAt(path)
  note.change(({ lines }) => lines.push(line))
}

export async function saved(path: string): Promise<void> {
  await (await noteAt(path)).whenSaved()
}

export async function linesOf(path: string): Promise<readonly string[]> {
  return [...(await noteAt(path)).current.lines]
}

export function status(): unknown {
  const { state, peers, durability } = connected().getSyncStatus()
  return { state, peers: peers.length, durability }
}

export async function forget(path: string): Promise<string> {
  try {
    await connected().forget(path, { force: true })
    return 'forgotten'
  } catch (error) {
    return String(Reflect.get(Object(error), 'code') ?? error)
  }
}

export async function closeDatabase(): Promise<void> {
  await connected().close()
}

/** Workers that this page has started. */
export function workersStarted(): number {
  return started
}

export function workerHasEnded(): boolean {
  return hasEnded
}

export function quarantined(): readonly string[] {
  return [...events]
}

function turn(): Promise<number> {
  return new Promise((resolve) => setTimeout(resolve, 0, 1))
}

/** Imports a file, and counts how often this page had its turn meanwhile. @returns why documents were refused. */
export async function importSpace(
  bytes: Uint8Array,
): Promise<{ readonly refused: readonly string[]; readonly turns: number }> {
  const importing = connected().importSpace(bytes)
  const done = importing.then(() => undefined)
  let turns = 0
  while ((await Promise.race([done, turn()])) !== undefined) turns += 1
  const { refused } = await importing
  return { refused: refused.map(({ reason }) => reason), turns }
}

export async function textLength(path: string): Promise<number | undefined> {
  return (await connected().readDoc<{ text?: string }>(path))?.text?.length
}

export async function writeMany(prefix: string, count: number): Promise<void> {
  const writing = Array.from({ length: count }, (_, at) =>
    connected().writeDoc(`${prefix}/${at}`, { text: `${prefix} ${at} `.repeat(20) }),
  )
  await Promise.all(writing)
}

export async function readAll(prefix: string): Promise<readonly unknown[]> {
  const entries = await connected().ls(prefix)
  return Promise.all(entries.map(({ path }) => connected().readDoc(path)))
}

export async function synced(): Promise<string> {
  return (await connected().whenSynced()).state
}
