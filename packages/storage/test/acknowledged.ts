import { spawn, type ChildProcess } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { openStore, type Durability, type StoreEncryption } from '@vudo/storage'

const program = fileURLToPath(new URL('ack-writer.ts', import.meta.url))

/** A running writer and what it has acknowledged. */
export interface Writer {
  readonly child: ChildProcess
  /** The ids that were acknowledged so far; whole lines only. */
  acknowledged(): number[]
  /** Settles when `count` were acknowledged. Rejects when the writer ends before. */
  reached(count: number): Promise<void>
  /** Kills it and settles when it is gone. */
  kill(): Promise<void>
}

/** A store that is written until somebody ends it. */
export interface WriterInit {
  readonly directory: string
  readonly durability: Durability
  /** Of each of a record's two values. */
  readonly valueBytes?: number
  readonly encryption?: StoreEncryption | undefined
}

export function startWriter(init: WriterInit): Writer {
  const { directory, durability, valueBytes = 200, encryption } = init
  const key = encryption ? [Buffer.from(encryption.key).toString('hex')] : []
  const child = spawn(process.execPath, [
    program,
    directory,
    durability,
    String(valueBytes),
    ...key,
  ])
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk))
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const acknowledged = (): number[] => output.split('\n').slice(0, -1).map(Number)
  return {
    child,
    acknowledged,
    reached: (count) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (acknowledged().length >= count) resolve()
        }
        child.stdout.on('data', look)
        child.once('close', () => reject(new Error(`the writer ended: ${errors}`)))
        look()
      }),
    kill: () => {
      child.kill('SIGKILL')
      return gone
    },
  }
}

/** How many of `ids` are missing from a store, or are there by half. */
export async function countLost(
  { directory, encryption }: Pick<WriterInit, 'directory' | 'encryption'>,
  ids: readonly number[],
): Promise<number> {
  const store = await openStore({ directory, encryption })
  try {
    const encoder = new TextEncoder()
    let lost = 0
    for (const id of ids) {
      const keys = [encoder.encode(`${id}x`), encoder.encode(`${id}y`)]
      if ((await store.getMany(keys)).includes(undefined)) lost += 1
    }
    return lost
  } finally {
    await store.close()
  }
}
