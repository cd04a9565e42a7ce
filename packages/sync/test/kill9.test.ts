import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { openStore } from '@vudo/storage'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '@vudo/sync'
import { keyOf } from './replica-lab.ts'

/** Lets the writer acknowledge some entries, and kills it in the middle of the next ones. */
function writeAndKill(directory: string, round: number): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  const program = fileURLToPath(new URL('./kill9-writer.ts', import.meta.url))
  const child = spawn(process.execPath, [program, directory, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    if (text.split('\n').length > 4 + round) child.kill('SIGKILL')
  })
  child.once('error', reject)
  // What was printed before the kill may still be in the pipe: `close` comes after it.
  child.once('close', () => resolve(text.split('\n').slice(0, -1)))
  return promise
}

// The page cache outlives a process: this proves that whenSaved waits for the store. That the
// store waits for the disk is proven in its own tests, that nothing is told before the write
// settles in crash-points.sim.test.ts.
test(
  'whenSaved waits for the store: a program killed with -9 loses nothing of it',
  { timeout: 120_000 },
  async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'vudo-kill9-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const acknowledged: string[] = []
    for (let round = 0; round < 5; round++) {
      acknowledged.push(...(await writeAndKill(directory, round)))
    }
    const store = await openStore({ directory })
    onTestFinished(() => store.close())
    const database = await openDatabase({ id: 'kill9', store, author: keyOf('writer') })
    onTestFinished(() => database.close())
    const log = await database.readDoc<{ entries: string[] }>('log/entries')
    expect(acknowledged.length).toBeGreaterThan(15)
    expect(log?.entries).toEqual(expect.arrayContaining(acknowledged))
  },
)
