import { Option, type Command } from 'commander'
import type { P2P, P2POptions } from '@vudo/p2p'
import { listenForCommands } from '../control/server.ts'
import { printJson, printLine, shortId, shownText } from '../output.ts'
import { parseBind } from './bind.ts'
import { dataDirOf, withDataDir, type DataDirOptions } from './data-dir-option.ts'
import { untilInterrupted } from './interrupt.ts'

/** Adds `vudo node`. */
export function addNodeCommand(program: Command): void {
  withDataDir(program.command('node'))
    .description('run a node until Ctrl-C; other commands talk to it')
    .addOption(
      new Option('--bind <address:port>', 'where to accept connections; port 0 takes any').env(
        'VUDO_P2P_BIND',
      ),
    )
    .option(
      '--p2p-peer <address>',
      "connect to this peer, or to this bootstrap node of a transport's hash table; may be repeated",
      collect,
      [],
    )
    .option(
      '--transport <name>',
      'tcp, libp2p, iroh or hyperswarm; may be repeated; the first listens on --bind',
      collect,
      [],
    )
    .addOption(
      new Option(
        '--database <ticket or id>',
        'take part in this database; an id alone names an open, public one',
      ).env('VUDO_DATABASE'),
    )
    .addOption(
      new Option(
        '--mdns-interface <address>',
        'search on this interface only; 127.0.0.1 keeps to this machine',
      ).env('VUDO_P2P_MDNS_INTERFACE'),
    )
    .option('--no-mdns', 'do not search on the local network')
    .option('--no-p2p', 'stay on your own: no network at all')
    .option('--enable-p2p', 'accepted for old scripts; P2P is on anyway')
    .option('--json', 'print events as JSON lines')
    .action(runNode)
}

interface NodeOptions extends DataDirOptions {
  readonly bind?: string
  readonly p2pPeer: readonly string[]
  readonly transport: readonly string[]
  readonly database?: string
  readonly mdnsInterface?: string
  readonly mdns: boolean
  readonly p2p: boolean
  readonly json?: boolean
}

async function runNode(options: NodeOptions): Promise<void> {
  const interrupt = untilInterrupted()
  const dataDir = dataDirOf(options)
  // The engine takes a third of a second to load, and no other command needs it.
  const [{ createP2P }, { nodeOperations }] = await Promise.all([
    import('@vudo/p2p'),
    import('../node-operations.ts'),
  ])
  const p2p = await createP2P({ ...p2pOptions(options), dataDir })
  try {
    const stopped = Promise.withResolvers<void>()
    const control = await listenForCommands(dataDir, nodeOperations(p2p, stopped.resolve))
    try {
      reportEvents(p2p, options.json === true)
      if (options.p2p) await p2p.start()
      greet(p2p, options)
      await Promise.race([interrupt.promise, stopped.promise])
    } finally {
      await control.close()
    }
  } finally {
    interrupt.release()
    await p2p.stop()
  }
}

function p2pOptions(options: NodeOptions): P2POptions {
  return {
    ...(options.bind === undefined ? {} : parseBind(options.bind)),
    bootstrapNodes: options.p2pPeer.map(peerAddress),
    transports: options.transport.length === 0 ? undefined : options.transport,
    database: options.database,
    discovery: { enableMdns: options.mdns, interface: options.mdnsInterface },
  }
}

/** `host:port` means TCP; anything with a scheme is taken as it is. */
function peerAddress(text: string): string {
  return text.includes('://') ? text : `tcp://${text}`
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

function greet(p2p: P2P, { json, p2p: isOnline }: NodeOptions): void {
  const { peerId, addresses, isPublic } = p2p
  if (json === true) {
    printJson({ event: 'ready', peerId, addresses, databaseId: p2p.database.id, isPublic })
    return
  }
  printLine(`node ${peerId}`)
  printLine(
    `database ${shownText(p2p.database.id)}${isPublic ? ' (public: whoever knows this id can read and write)' : ''}`,
  )
  if (isOnline) for (const address of addresses) printLine(`listening on ${address}`)
  else printLine('P2P is off: nothing leaves this machine')
  if (!isPublic) printLine('to let another device join, run here: vudo ticket')
}

function reportEvents(p2p: P2P, json: boolean): void {
  p2p.events.on('peer:connected', ({ peerId, path }) => {
    if (json) printJson({ event: 'peer:connected', peerId, transport: path.transport })
    else printLine(`connected to ${shortId(peerId)} over ${path.transport}`)
  })
  p2p.events.on('peer:disconnected', ({ peerId }) => {
    if (json) printJson({ event: 'peer:disconnected', peerId })
    else printLine(`${shortId(peerId)} has gone`)
  })
}
