/** Stores with real capabilities and payloads, as tests of single cases want them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  authoriseEntry,
  createEntry,
  createNamespaceKey,
  createPath,
  createRootCapability,
  createUserKey,
  type AuthorisedEntry,
} from '@vudo/meadowcap'
import { openStore } from '@vudo/storage'
import {
  openPayloadVault,
  openPersistentWillowStore,
  william3,
  type WillowStore,
} from '@vudo/willow'

export const namespaceId: Uint8Array = createNamespaceKey({ kind: 'communal' }).publicKey
export const user = createUserKey()
export const capability = createRootCapability({
  access: 'write',
  namespace: namespaceId,
  userKey: user.publicKey,
})

/** An entry of the user, signed, for these payload bytes. */
export function entryFor(
  components: readonly string[],
  payload: Uint8Array,
  timestamp = 1n,
): AuthorisedEntry {
  const entry = createEntry({
    namespaceId,
    subspaceId: user.publicKey,
    path: createPath(components),
    timestamp,
    payloadLength: BigInt(payload.length),
    payloadDigest: william3(payload),
  })
  return { entry, token: authoriseEntry(entry, capability, user) }
}

export interface Opened extends AsyncDisposable {
  readonly directory: string
  readonly store: WillowStore
  /** Closes the store, so that its files can be looked at. */
  close(): Promise<void>
}

export async function openIn(directory: string): Promise<Opened> {
  const storage = await openStore({ directory: path.join(directory, 'store') })
  const payloads = await openPayloadVault({ directory: path.join(directory, 'payloads') })
  const store = await openPersistentWillowStore({
    namespaceId,
    storage: storage.sub('n'),
    payloads,
  })
  const close = async (): Promise<void> => {
    await store.close()
    await storage.close()
  }
  return { directory, store, close, [Symbol.asyncDispose]: close }
}

export async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'vudo-willow-'))
  try {
    await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export async function writeWhole(
  store: WillowStore,
  { entry }: AuthorisedEntry,
  payload: Uint8Array,
): Promise<void> {
  const writer = await store.writePayload(entry)
  await writer.write(payload)
  await writer.close()
}

export async function readWhole(
  store: WillowStore,
  { entry }: AuthorisedEntry,
  from = 0n,
): Promise<Uint8Array | undefined> {
  const chunks = await store.readPayload(entry, { from })
  if (chunks === undefined) return undefined
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return new Uint8Array(Buffer.concat(parts))
}
