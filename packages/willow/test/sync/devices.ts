/** Devices that sync a store over a fake network, and what people do with them. */
import {
  authoriseEntry,
  createEntry,
  createNamespaceKey,
  createPath,
  createRootCapability,
  createUserKey,
  type Signer,
} from '@vudo/meadowcap'
import { afterEach, expect } from 'vitest'
import { openMemoryWillowStore } from '../../src/store/memory-store.ts'
import type { WillowStore } from '../../src/store/store.ts'
import {
  createWillowSync,
  type WillowSync,
  type WillowSyncInit,
} from '../../src/sync/willow-sync.ts'
import { william3 } from '../../src/william3/william3.ts'
import { createFakeNetwork, type FakeNetwork } from './fake-network.ts'

export const namespaceId = createNamespaceKey({
  kind: 'communal',
  seed: seedOfKind(),
}).publicKey
export const alice = createUserKey(new Uint8Array(32).fill(101))
export const bob = createUserKey(new Uint8Array(32).fill(102))
export const database = 'willow'

/** A seed whose key is a communal namespace. */
function seedOfKind(): Uint8Array {
  for (let at = 1; ; at++) {
    const seed = new Uint8Array(32).fill(at)
    if (((createUserKey(seed).publicKey[31] ?? 1) & 1) === 0) return seed
  }
}

export const kinds = { reconcile: 4, live: 7, want: 9, payload: 10, cancel: 12 }

export interface Device {
  readonly network: FakeNetwork
  readonly store: WillowStore
  readonly sync: WillowSync
  readonly told: { readonly type: string; readonly payload: unknown }[]
}

const opened: Device[] = []

export async function device(number: number, init: Partial<WillowSyncInit> = {}): Promise<Device> {
  const network = createFakeNetwork(number)
  const store = await openMemoryWillowStore({ namespaceId })
  const sync = createWillowSync({ network, store, database, ...init })
  const told: Device['told'][number][] = []
  const names = [
    'peer:ready',
    'peer:confirmed',
    'peer:reconciled',
    'peer:fault',
    'payload:failed',
    'payload:deferred',
  ] as const
  for (const name of names) sync.events.on(name, (payload) => told.push({ type: name, payload }))
  const made = { network, store, sync, told }
  opened.push(made)
  return made
}

afterEach(async () => {
  for (const { sync, store } of opened.splice(0)) {
    await sync.close()
    await store.close()
  }
})

let clock = 848_404_869_184_000n

export async function write(
  store: WillowStore,
  user: Signer,
  place: string,
  data: Uint8Array,
): Promise<void> {
  clock += 1n
  const entry = createEntry({
    namespaceId,
    subspaceId: user.publicKey,
    path: createPath(place.split('/')),
    timestamp: clock,
    payloadLength: BigInt(data.length),
    payloadDigest: william3(data),
  })
  const capability = createRootCapability({
    access: 'write',
    namespace: namespaceId,
    userKey: user.publicKey,
  })
  const outcome = await store.insert({ entry, token: authoriseEntry(entry, capability, user) })
  expect(outcome.status).toBe('inserted')
  if (data.length === 0) return
  const writer = await store.writePayload(entry)
  await writer.write(data)
  await writer.close()
}

export async function read(
  store: WillowStore,
  user: Signer,
  place: string,
): Promise<string | undefined> {
  const address = { subspaceId: user.publicKey, path: createPath(place.split('/')) }
  const held = await store.get(address)
  if (held === undefined || held.available < held.entry.payloadLength) return undefined
  const chunks: Uint8Array[] = []
  for await (const chunk of (await store.readPayload(address)) ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

export function text(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

export function saw(one: Device, type: string): () => boolean {
  return () => one.told.some((event) => event.type === type)
}
