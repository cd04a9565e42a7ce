/**
 * Writes numbered records until it is killed, several at a time, and reports each
 * one on stdout after its write has settled. Started by the crash tests:
 * `node ack-writer.ts DIRECTORY [durability] [bytes of each of a record's two values] [key in hex]`.
 */
import { writeSync } from 'node:fs'
import process from 'node:process'
import { openStore, type Durability } from '@vudo/storage'

const [directory = '', durability = 'strict'] = process.argv.slice(2)
const keyInHex = process.argv[5]
const store = await openStore({
  directory,
  durability: durability as Durability,
  encryption: keyInHex ? { key: Buffer.from(keyInHex, 'hex') } : undefined,
})
// Enough for several logs and a compaction within the power-cut test.
const filler = new Uint8Array(Number(process.argv[4] ?? 200))

async function write(id: number): Promise<void> {
  const key = (part: string): Uint8Array => new TextEncoder().encode(`${id}${part}`)
  await store.write([
    { type: 'put', key: key('x'), value: filler },
    { type: 'put', key: key('y'), value: filler },
  ])
  await report(`${id}\n`)
}

/** The pipe is full while its reader is busy: nothing is acknowledged until there is room. */
async function report(line: string): Promise<void> {
  try {
    writeSync(1, line)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
    await new Promise((resolve) => setImmediate(resolve))
    await report(line)
  }
}

for (let id = 0; ; id += 3) await Promise.all([write(id), write(id + 1), write(id + 2)])
