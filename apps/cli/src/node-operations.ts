import process from 'node:process'
import { splice, type P2P } from '@vudo/p2p'
import type { ConfiguredPeer } from './contacts.ts'
import type { Operation } from './control/server.ts'
import { isMap } from './control/protocol.ts'
import { CliError } from './errors.ts'

/** What a text file becomes when it is imported, and what `edit` changes. */
export interface TextDocument {
  text: string
}

/** What the operations need beside the node. */
export interface NodeOperationsInit {
  /** How the addresses stand that the node was told to connect to. */
  readonly configuredPeers: () => readonly ConfiguredPeer[]
  /** Ends the node. */
  readonly stop: () => void
}

/** Everything that a command can ask of a running node, by name. */
export function nodeOperations(
  p2p: P2P,
  { configuredPeers, stop }: NodeOperationsInit,
): ReadonlyMap<string, Operation> {
  const operations: Record<string, Operation> = {
    status: async () => ({ ...nodeStatus(p2p), configuredPeers: configuredPeers() }),
    ticket: async () => ({ ticket: p2p.ticket, isPublic: p2p.isPublic }),
    ls: async (args) => p2p.ls(optionalText(args, 'prefix')),
    histories: async (args) => histories(p2p, optionalText(args, 'prefix')),
    read: async (args) => readExisting(p2p, text(args, 'path')),
    write: async (args) => p2p.writeDoc(text(args, 'path'), args['value']),
    remove: async (args) => p2p.remove(text(args, 'path')),
    edit: async (args) => editText(p2p, args),
    watch: (args, signal) => p2p.changes(optionalText(args, 'prefix'), { signal }),
    connect: async (args) => ({ peerId: await p2p.connectPeer(text(args, 'address')) }),
    presence: async (args) => presence(p2p, args),
    profile: async (args) => setProfile(p2p, optionalText(args, 'profile')),
    discover: async () => p2p.discoverPeers(),
    synced: async (args, signal) => {
      const limit = AbortSignal.timeout(Number(args['timeoutMs'] ?? 30_000))
      return p2p.whenSynced({ signal: AbortSignal.any([signal, limit]) })
    },
    // After the answer has left: whoever asked wants to read it.
    stop: async () => void setTimeout(stop, 50),
  }
  return new Map(Object.entries(operations))
}

function nodeStatus(p2p: P2P): object {
  return {
    pid: process.pid,
    peerId: p2p.peerId,
    authorId: p2p.authorId,
    isStarted: p2p.isStarted,
    transports: p2p.transports,
    addresses: p2p.addresses,
    databaseId: p2p.database.id,
    isPublic: p2p.isPublic,
    peers: p2p.connectedPeers().map(({ peerId, path, rttMs }) => ({
      peerId,
      transport: path.transport,
      relayed: path.relayed,
      address: path.address ?? null,
      rttMs: rttMs ?? null,
      paths: pathsTo(p2p, peerId),
    })),
    sync: { ...p2p.status },
    bandwidth: bandwidthOf(p2p),
  }
}

/** The connections that carry a session, the one in use first. */
function pathsTo(p2p: P2P, peerId: string): object[] {
  return (p2p.network.session(peerId)?.paths ?? [])
    .map(({ path: { transport, relayed }, isBest }) => ({ transport, relayed, isUsed: isBest }))
    .toSorted((a, b) => Number(b.isUsed) - Number(a.isUsed))
}

/** Shows this node in a room when a state is given, and says who else is there. */
function presence(p2p: P2P, args: Readonly<Record<string, unknown>>): object {
  const state = args['state']
  const here = p2p.presence(optionalText(args, 'path') ?? '', isMap(state) ? state : undefined)
  return {
    path: here.path,
    state: here.state,
    peers: here.peers.map(({ peerId, instance, state: shown }) => ({
      peerId,
      instance,
      state: shown,
    })),
  }
}

function setProfile(p2p: P2P, profile: string | undefined): object {
  if (profile === 'auto' || profile === 'metered' || profile === 'unmetered') {
    p2p.setProfile(profile)
  } else if (profile !== undefined) {
    throw new CliError('ERR_INPUT_INVALID', `there is no profile ${JSON.stringify(profile)}`, {
      hint: 'use auto, metered or unmetered',
    })
  }
  return bandwidthOf(p2p)
}

/** As it travels: `null` says that there is no limit. */
function bandwidthOf({ bandwidth }: P2P): object {
  return { ...bandwidth, bytesPerSecond: bandwidth.bytesPerSecond ?? null }
}

/** What decides whether two nodes agree: the heads of every document, and how many changes led there. */
async function histories(p2p: P2P, prefix: string | undefined): Promise<object[]> {
  const entries = await p2p.ls(prefix)
  return Promise.all(
    entries.map(async ({ path }) => {
      const handle = await p2p.open(path)
      try {
        return { path, heads: handle.heads, changes: handle.changeCount }
      } finally {
        await handle.close()
      }
    }),
  )
}

async function readExisting(p2p: P2P, path: string): Promise<unknown> {
  const value = await p2p.readDoc(path)
  if (value !== undefined) return value
  throw new CliError('ERR_DOCUMENT_NOT_FOUND', `there is no document ${JSON.stringify(path)}`, {
    hint: 'vudo ls shows what there is; of what somebody else began nothing may be here yet: vudo status',
  })
}

/** Changes a text in place, so that edits of others at the same time merge letter by letter. */
async function editText(p2p: P2P, args: Readonly<Record<string, unknown>>): Promise<void> {
  const path = text(args, 'path')
  const find = optionalText(args, 'after') ?? ''
  const insert = text(args, 'insert')
  const value = await readExisting(p2p, path)
  if (!isMap(value) || typeof value['text'] !== 'string') throw notText(path)
  const handle = await p2p.open<TextDocument>(path)
  try {
    const at = handle.current.text.indexOf(find)
    if (at === -1) {
      throw new CliError('ERR_INPUT_INVALID', `${path} does not hold the text to insert after`, {
        hint: `vudo read ${path} shows it`,
      })
    }
    handle.change((document) => splice(document, ['text'], at + find.length, 0, insert))
    await handle.whenSaved()
  } finally {
    await handle.close()
  }
}

function notText(path: string): CliError {
  return new CliError('ERR_INPUT_INVALID', `${JSON.stringify(path)} is not a text document`, {
    hint: `use vudo write: it changes only what differs`,
  })
}

function text(args: Readonly<Record<string, unknown>>, name: string): string {
  const value = optionalText(args, name)
  if (value !== undefined) return value
  throw new CliError('ERR_CONTROL_PROTOCOL', `the command sent no ${name}`, {
    hint: 'use the same version of vudo for the node and for the command',
  })
}

function optionalText(args: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = args[name]
  return typeof value === 'string' ? value : undefined
}
