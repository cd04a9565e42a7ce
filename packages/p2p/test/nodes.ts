/** Nodes for tests: on loopback, released after each test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { createDatabaseSecret, encodeTicket, parseTicket } from '@vudo/identity'
import { createP2P, type P2P, type P2PEvents, type P2POptions } from '@vudo/p2p'
import type { AbortOptions, Transport } from '@vudo/transport'
import { createDisabledTransport } from '@vudo/transport-disabled'

// Longer than any wait below, so that it is the wait that says what did not happen.
vi.setConfig({ testTimeout: 30_000 })

/** Keeps to this machine, and finds nobody unless told. */
export const local: P2POptions = {
  bindAddress: '127.0.0.1',
  port: 0,
  maxNewConnectionsPerSecond: 10_000,
  discovery: { enableMdns: false },
}

/** A node that keeps nothing and is stopped with the test. */
export async function createNode(options: P2POptions = {}): Promise<P2P> {
  const node = await createP2P({ ...local, storage: 'memory', ...options })
  onTestFinished(() => node.stop())
  return node
}

/** The same on disk. */
export function createNodeIn(dataDir: string, options: P2POptions = {}): Promise<P2P> {
  return createNode({ storage: 'disk', dataDir, ...options })
}

/** Two started nodes of one database, connected by address; `a` dialled. */
export async function startPair(
  options: P2POptions = {},
): Promise<{ readonly a: P2P; readonly b: P2P }> {
  const a = await createNode(options)
  const b = await createNode({ ...options, database: a.ticket })
  await Promise.all([a.start(), b.start()])
  await a.connectPeer(addressOf(b))
  return { a, b }
}

/** Where a started node listens. */
export function addressOf(node: P2P): string {
  const [address] = node.addresses
  if (address === undefined) throw new Error('the node does not listen')
  return address
}

/** Nodes that know the id of a node's database and not its secret: one thinks it open, one has another secret. */
export function createStrangers(node: P2P): Promise<P2P[]> {
  const { databaseId } = parseTicket(node.ticket)
  const wrong = encodeTicket({ databaseId, secret: createDatabaseSecret(), peers: [] })
  return Promise.all([`open:${databaseId}`, wrong].map((database) => createNode({ database })))
}

/** The next event for which `isMeant` says so; fails after 20 s. */
export async function nextEvent<Type extends keyof P2PEvents>(
  node: P2P,
  type: Type,
  isMeant: (payload: P2PEvents[Type]) => boolean = () => true,
): Promise<P2PEvents[Type]> {
  const signal = limit()
  for (;;) {
    const payload = await node.events.once(type, { signal })
    if (isMeant(payload)) return payload
  }
}

/** Settles when `isSo` holds, which it is asked whenever `node` tells something; fails after 20 s. */
export async function when(node: P2P, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const subscription = node.events.subscribe({ signal: limit() })
  if (await isSo()) return subscription.close()
  for await (const _ of subscription) if (await isSo()) return
  throw new Error('it did not happen within 20 s')
}

/** Ends a wait for what does not come. */
export function limit(): AbortSignal {
  return AbortSignal.timeout(20_000)
}

/** A folder of the test's own. */
export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vudo-p2p-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A transport without peers, whose `listen` is the test's. */
export function listeningBy(listen: (options?: AbortOptions) => Promise<void>): Transport {
  const inner = createDisabledTransport()
  return {
    name: 'gated',
    features: inner.features,
    addresses: [],
    listen,
    announce: (topic, options) => inner.announce(topic, options),
    lookup: (topic, options) => inner.lookup(topic, options),
    connect: (topic, options) => inner.connect(topic, options),
    dial: (target, options) => inner.dial(target, options),
    disconnect: () => inner.disconnect(),
  }
}
