/**
 * Writes numbered records until it is killed, several at a time, and reports each
 * one on stdout after its write has settled. Started by the crash tests:
 * `node ack-writer.ts DIRECTORY [durability]`.
 */
import { writeSync } from 'node:fs'
import process from 'node:process'
import { openStore, type Durability } from '@vudo/storage'

const [directory = '', durability = 'strict'] = process.argv.slice(2)
const store = await openStore({ directory, durability: durability as Durability })
const filler = new Uint8Array(200)

async function write(id: number): Promise<void> {
  const key = (part: string): Uint8Array => new TextEncoder().encode(`${id}${part}`)
  await store.write([
    { type: 'put', key: key('x'), value: filler },
    { type: 'put', key: key('y'), value: filler },
  ])
  writeSync(1, `${id}\n`)
}

for (let id = 0; ; id += 3) await Promise.all([write(id), write(id + 1), write(id + 2)])
