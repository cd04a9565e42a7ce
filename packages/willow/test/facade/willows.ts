/** Willows for tests, closed with them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { openStore } from '@vudo/storage'
import { openWillow, type Willow, type WillowInit } from '@vudo/willow'

/** 1 March 2026, noon UTC. */
export const startMs = Date.UTC(2026, 2, 1, 12)

/** A clock that stands still until it is moved. */
export interface HandClock {
  ms: number
}

/** A Willow in memory, with a clock that stands still. */
export async function createWillow(
  init: WillowInit = {},
  clock: HandClock = { ms: startMs },
): Promise<Willow> {
  const willow = await openWillow({ now: () => clock.ms, ...init })
  onTestFinished(() => willow.close())
  return willow
}

/** A folder of the test's own. */
export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vudo-willow-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Opens Willow in a folder, and closes it again after `use`. */
export async function withWillowIn<Result>(
  folder: string,
  init: WillowInit,
  use: (willow: Willow) => Promise<Result>,
): Promise<Result> {
  const store = await openStore({ directory: path.join(folder, 'store') })
  try {
    const storage = { view: store, payloadDirectory: path.join(folder, 'payloads') }
    const willow = await openWillow({ now: () => startMs, ...init, storage })
    try {
      return await use(willow)
    } finally {
      await willow.close()
    }
  } finally {
    await store.close()
  }
}

/** Text as bytes. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Bytes as text; `undefined` stays so. */
export function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes)
}

/** All that comes. */
export async function allOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The paths of a list, as texts. */
export async function pathsOf(entries: ReturnType<Willow['list']>): Promise<string[]> {
  return (await allOf(entries)).map(({ path: at }) => at.toString())
}
