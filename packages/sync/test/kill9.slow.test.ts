import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { openStore } from '@vudo/storage'
import { openDatabase } from '@vudo/sync'
import { createRandom } from '@vudo/testing'
import { expect, onTestFinished, test } from 'vitest'
import { keyOf } from './replica-lab.ts'

const random = createRandom(9)

/** Kills the writer some milliseconds after its first acknowledgement, wherever it is then. */
function writeAndKill(directory: string, round: number): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  const program = fileURLToPath(new URL('./kill9-writer.ts', import.meta.url))
  const child = spawn(process.execPath, [program, directory, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  let isTold = false
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    if (!isTold) setTimeout(() => child.kill('SIGKILL'), random.int(60))
    isTold = true
  })
  child.once('error', reject)
  child.once('close', () => resolve(text.split('\n').slice(0, -1)))
  return promise
}

async function entriesIn(directory: string): Promise<readonly string[]> {
  const store = await openStore({ directory })
  const database = await openDatabase({ id: 'kill9', store, author: keyOf('reader') })
  const log = await database.readDoc<{ entries: string[] }>('log/entries')
  await database.close()
  await store.close()
  return log?.entries ?? []
}

test(
  '100 programs killed with -9 at any moment lose nothing that was acknowledged',
  { timeout: 900_000 },
  async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'vudo-kill9-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const acknowledged: string[] = []
    const lost: string[] = []
    for (let round = 0; round < 100; round++) {
      acknowledged.push(...(await writeAndKill(directory, round)))
      // Each tenth time somebody looks in between.
      if (round % 10 === 9) {
        const entries = new Set(await entriesIn(directory))
        lost.push(...acknowledged.filter((entry) => !entries.has(entry)))
      }
    }
    console.log(`${acknowledged.length} acknowledged writes in 100 lives`)
    expect(lost).toEqual([])
    expect(acknowledged.length).toBeGreaterThan(100)
  },
)
