import process from 'node:process'
import { Option, type Command } from 'commander'
import type { P2P, P2POptions } from '@vudo/p2p'
import { isPeerId, type Address } from '@vudo/transport'
import { followContacts, type Trouble } from '../contacts.ts'
import { listenForCommands } from '../control/server.ts'
import { CliError } from '../errors.ts'
import { printJson, printLine, shortId, shownText } from '../output.ts'
import { parseBind } from './bind.ts'
import { dataDirOf, sameNode, withDataDir, type DataDirOptions } from './data-dir-option.ts'
import { untilInterrupted } from './interrupt.ts'
import { nodeSettings } from './node-settings.ts'

/** What `--transport` takes; `disabled` and `webrtc` have their own answers. */
const transportNames = ['auto', 'tcp', 'libp2p', 'iroh', 'hyperswarm', 'relay']

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
    )
    .option(
      '--transport <name>',
      'auto, tcp, libp2p, iroh, hyperswarm or relay; may be repeated; the first listens on --bind',
      collect,
    )
    .addOption(
      new Option('--relay <url>', 'wss://… of a relay; a token goes behind it as ?token=…').env(
        'VUDO_P2P_RELAY',
      ),
    )
    .addOption(
      new Option(
        '--database <ticket>',
        'take part in this database; open:<id> names an open, public one',
      ).env('VUDO_DATABASE'),
    )
    .addOption(
      new Option(
        '--mdns-interface <address>',
        'search on this interface only; 127.0.0.1 keeps to this machine',
      ).env('VUDO_P2P_MDNS_INTERFACE'),
    )
    .option(
      '--config <file>',
      'options as JSON; config.json in the folder when left out. vudo config shows what holds',
    )
    .option('--no-mdns', 'do not search on the local network')
    .option('--no-gossip', 'no presence, no announcements, no topics')
    .option('--no-p2p', 'stay on your own: no network at all')
    .option('--enable-p2p', 'accepted for old scripts; P2P is on anyway')
    .option('--json', 'print events as JSON lines')
    .action(runNode)
}

interface NodeOptions extends DataDirOptions {
  readonly bind?: string
  readonly p2pPeer?: readonly string[]
  readonly transport?: readonly string[]
  readonly relay?: string
  readonly database?: string
  readonly mdnsInterface?: string
  readonly config?: string
  readonly mdns: boolean
  readonly gossip: boolean
  readonly p2p: boolean
  readonly json?: boolean
}

async function runNode(options: NodeOptions): Promise<void> {
  const interrupt = untilInterrupted()
  const dataDir = dataDirOf(options)
  // The engine takes a third of a second to load, and no other command needs it.
  const [{ createP2P, parsePeerAddress }, { nodeOperations }] = await Promise.all([
    import('@vudo/p2p'),
    import('../node-operations.ts'),
  ])
  const configured = (options.p2pPeer ?? []).map((text) => parsePeerAddress(text) ?? notAPeer(text))
  for (const name of options.transport ?? []) assertTransport(name)
  const said = { ...p2pOptions({ ...options, p2pPeer: configured }), dataDir }
  const settings = await nodeSettings(said, process.env)
  const gossip = settings.find(({ name }) => name === 'gossip')?.value === true
  const p2p = await createP2P({ ...said, gossip })
  try {
    const stopped = Promise.withResolvers<void>()
    const configuredPeers = reportEvents(p2p, configured, options.json === true)
    const operations = nodeOperations(p2p, { configuredPeers, stop: stopped.resolve })
    const control = await listenForCommands(dataDir, operations)
    try {
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
    // What the command line leaves open, the environment and the file may say.
    bootstrapNodes: options.p2pPeer?.length === 0 ? undefined : options.p2pPeer,
    transports: options.transport,
    relayUrl: options.relay,
    database: options.database,
    config: options.config,
    gossip: options.gossip ? undefined : false,
    discovery: { enableMdns: options.mdns ? undefined : false, interface: options.mdnsInterface },
  }
}

/** The command imports no others, so here a wrong name is a slip of the keyboard. */
function assertTransport(name: string): void {
  if (['disabled', 'webrtc', ...transportNames].includes(name)) return
  const message = `--transport is ${JSON.stringify(name)}, expected one of ${transportNames.join(', ')}`
  throw new CliError('ERR_USAGE', message, { hint: 'docs/transports.md says which one to take' })
}

function notAPeer(text: string): never {
  const message = `--p2p-peer is ${JSON.stringify(text)}, expected host:port or scheme://…`
  throw new CliError('ERR_USAGE', message, {
    hint: 'write an address that the other node prints, for example --p2p-peer 192.168.1.20:34569',
  })
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function greet(p2p: P2P, options: NodeOptions): void {
  const { peerId, addresses, isPublic, replacedTicketFile } = p2p
  const { id: databaseId } = p2p.database
  if (options.json === true) {
    printJson({ event: 'ready', peerId, addresses, databaseId, isPublic, replacedTicketFile })
    return
  }
  printLine(`node ${peerId}`)
  printLine(
    isPublic
      ? `database open:${shownText(databaseId)} (public: whoever knows this id can read and write)`
      : `database ${shownText(databaseId)}`,
  )
  if (replacedTicketFile !== undefined) {
    printLine(
      `it takes the place of another database, whose ticket is kept in ${replacedTicketFile}`,
    )
  }
  if (options.p2p) for (const address of addresses) printLine(`listening on ${address}`)
  else printLine('P2P is off: nothing leaves this machine')
  if (!isPublic) printLine(`to let another device join, run here: vudo ticket${sameNode(options)}`)
}

/** @returns How the configured addresses stand, whenever it is called. */
function reportEvents(
  p2p: P2P,
  configured: readonly Address[],
  json: boolean,
): ReturnType<typeof followContacts> {
  p2p.events.on('peer:connected', ({ peerId, path }) => {
    if (json) printJson({ event: 'peer:connected', peerId, transport: path.transport })
    else printLine(`connected to ${shortId(peerId)} over ${path.transport}`)
  })
  p2p.events.on('peer:disconnected', ({ peerId }) => {
    if (json) printJson({ event: 'peer:disconnected', peerId })
    else printLine(`${shortId(peerId)} has gone`)
  })
  const onTrouble = (trouble: Trouble): void => {
    if (json) printJson(trouble)
    else printLine(troubleLine(trouble))
  }
  return followContacts(p2p, { configured, onTrouble, now: () => performance.now() })
}

function troubleLine({ event, with: whom, code, message }: Trouble): string {
  const who = isPeerId(whom) ? shortId(whom) : shownText(whom)
  const begin = {
    'dial:failed': `cannot connect to ${who}, will try again`,
    'peer:refused': `no session with ${who}`,
    'search:failed': `${who} cannot search, will try again`,
  }[event]
  return `${begin}: ${code}: ${shownText(message)}`
}
