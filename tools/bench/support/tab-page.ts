/** What the bench `browser-tabs` runs in each tab. */
import type { Database, DocumentHandle } from '@vudo/sync'
import { connectWorker } from '@vudo/sync/page'

interface Note {
  last: string
}

let database: Database | undefined
let note: DocumentHandle<Note> | undefined

/** @returns milliseconds. */
export async function connect(name: string): Promise<number> {
  const beganMs = performance.now()
  const worker = new SharedWorker(new URL('./tab-worker.ts', import.meta.url), {
    type: 'module',
    name,
  })
  database = await connectWorker(worker)
  note = await database.open<Note>('note', { last: '' })
  return performance.now() - beganMs
}

function opened(): DocumentHandle<Note> {
  if (!note) throw new Error('connect first')
  return note
}

/** From now on each question is answered. */
export function answer(): void {
  const here = opened()
  here.subscribe(() => {
    const { last } = here.current
    if (last.startsWith('question')) here.change((doc) => (doc.last = `answer${last.slice(8)}`))
  })
}

/** Milliseconds from an edit here until another tab's answer to it is here: four times through the worker's port. */
export async function ask(count: number): Promise<readonly number[]> {
  const here = opened()
  const times: number[] = []
  for (let at = 0; at < count; at++) {
    const beganMs = performance.now()
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = here.subscribe(() => {
      if (here.current.last === `answer ${at}`) resolve()
    })
    here.change((doc) => (doc.last = `question ${at}`))
    await promise
    stop()
    times.push(performance.now() - beganMs)
  }
  return times
}

/** Milliseconds from an edit until the worker has stored it. */
export async function save(count: number): Promise<readonly number[]> {
  const here = opened()
  const times: number[] = []
  for (let at = 0; at < count; at++) {
    const beganMs = performance.now()
    here.change((doc) => (doc.last = `saved ${at}`))
    await here.whenSaved()
    times.push(performance.now() - beganMs)
  }
  return times
}
