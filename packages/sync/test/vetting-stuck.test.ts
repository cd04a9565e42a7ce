/** Browsers that cannot start the worker in which costly documents are opened. */
import { openMemoryStore } from '@vudo/storage'
import { openDatabase, type Database } from '@vudo/sync'
import { expect, onTestFinished, test, vi } from 'vitest'
import type * as limits from '../src/limits.ts'
import { answerTo } from '../src/vetting-answer.ts'
import { connectNetworks, createFakeNetwork } from './fake-network.ts'
import { keyOf } from './replica-lab.ts'

vi.mock('#vetting-thread', () => import('../src/vetting-thread.browser.ts'))
vi.mock('../src/limits.ts', async (original) => ({
  ...(await original<typeof limits>()),
  VET_FIRST_OPERATIONS: 1_000,
  VETTING_RETRY_MS: 1,
}))

/** As a browser's, with the program in this thread. */
class WorkingWorker extends EventTarget {
  constructor() {
    super()
    setImmediate(() => this.#say({ type: 'ready' }))
  }

  postMessage(pieces: readonly Uint8Array[]): void {
    this.#say(answerTo(pieces))
  }

  #say(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }))
  }

  terminate(): void {}
}

/** Its program cannot be loaded. */
class EmptyWorker extends EventTarget {
  constructor() {
    super()
    setImmediate(() => this.dispatchEvent(new Event('error')))
  }

  terminate(): void {}
}

function databaseOf(
  name: string,
): Promise<{ database: Database; network: ReturnType<typeof createFakeNetwork> }> {
  const network = createFakeNetwork(name)
  return openMemoryStore().then(async (store) => {
    const database = await openDatabase({ id: 'db', store, author: keyOf(name), network })
    onTestFinished(() => database.close())
    return { database, network }
  })
}

/** Starts fail so often, then succeed. */
function failing(count: number, fail: () => EventTarget): { readonly started: () => number } {
  let started = 0
  const start = function start(): EventTarget {
    started += 1
    return started <= count ? fail() : new WorkingWorker()
  }
  vi.stubGlobal('Worker', start)
  onTestFinished(() => void vi.unstubAllGlobals())
  return { started: () => started }
}

test.each([
  [
    'refused by the browser',
    () => {
      throw new DOMException('not allowed here', 'SecurityError')
    },
    'not allowed here',
  ],
  ['without a program', () => new EmptyWorker(), 'its program cannot be loaded'],
] as const)('a worker %s is told once, and documents come later', async (_, fail, reason) => {
  const { started } = failing(5, fail)
  const [a, b] = [await databaseOf('a'), await databaseOf('b')]
  const warnings: string[] = []
  b.database.events.on('warning', ({ message }) => warnings.push(message))
  connectNetworks(a.network, b.network, 'db')
  const text = 'costly '.repeat(300)
  await a.database.writeDoc('notes/x', { text })
  await a.database.whenSynced()
  expect(await b.database.readDoc('notes/x')).toEqual({ text })
  expect(started()).toBe(6)
  expect(warnings).toEqual([expect.stringContaining(reason)])
})
