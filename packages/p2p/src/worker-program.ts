/** The program of the thread in which a node runs with the option `worker`: `open-in-worker.ts` starts it. */
import { parentPort, workerData } from 'node:worker_threads'
import {
  createLinkAnswerer,
  createLinkPort,
  packValue,
  serveDatabase,
  type LinkPort,
} from '@vudo/sync/worker'
import { createP2P } from './create-p2p.ts'
import { P2PError } from './errors.ts'
import { loadModule, type WorkerModule } from './load-module.ts'
import type { BandwidthProfile, P2POptions } from './options.ts'
import type { P2P } from './p2p.ts'
import { checkImports } from './worker-option.ts'
import {
  crossingEvents,
  type NodeMessage,
  type NodeRequest,
  type NodeView,
  type OpenedNode,
  type WorkerInput,
} from './worker-messages.ts'

if (parentPort) {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- open-in-worker.ts gives it
  serveNode(workerData as WorkerInput, createLinkPort(parentPort, { keepsAlive: true }))
}

function serveNode(input: WorkerInput, port: LinkPort<NodeMessage, NodeRequest>): void {
  let node: P2P | undefined
  const answerer = createLinkAnswerer(
    (message) => {
      // Whoever is answered may look at once.
      if (node) tellView(node, port)
      port.post(message)
    },
    async (name, args, signal) => {
      if (name !== 'create') return answer(nodeOf(node), { name, args, signal })
      const made = await createNode(input)
      listen(made, port)
      serveDatabase(made.database, input.port)
      node = made
      return openedNode(made)
    },
  )
  port.listen(
    (message) => {
      if (message.type === 'call') answerer.take(message)
      else answerer.cancel(message)
    },
    () => {
      // The application's thread has ended, and this one with it.
    },
  )
}

function nodeOf(node: P2P | undefined): P2P {
  if (node) return node
  throw new Error('the node has not been made')
}

async function createNode({ options, module, registered }: WorkerInput): Promise<P2P> {
  const loaded = module === undefined ? {} : await loadModule(module)
  // What is `undefined` says nothing.
  const said = Object.entries(options).filter(([, value]) => value !== undefined)
  const merged: P2POptions = { ...(await optionsOf(loaded)), ...Object.fromEntries(said) }
  checkImports(merged, registered)
  const node = await createP2P(merged)
  try {
    if (typeof loaded.setUp === 'function') await loaded.setUp(node)
  } catch (error) {
    await node.stop()
    throw error
  }
  return node
}

/** @throws `P2PError` `ERR_P2P_WORKER_OPTION`. */
async function optionsOf({ default: given }: WorkerModule): Promise<P2POptions> {
  const options: unknown = typeof given === 'function' ? await given() : given
  if (options === undefined) return {}
  // What stands in it is checked with all options.
  if (typeof options === 'object' && options !== null) return options
  throw new P2PError(
    'ERR_P2P_WORKER_OPTION',
    `the default export of worker.module gives a ${typeof options}, expected options`,
    { hint: 'export default { … }, or a function that gives them' },
  )
}

function openedNode(node: P2P): OpenedNode {
  const { peerId, authorId, ticket, replacedTicketFile, configuration } = node
  return { peerId, authorId, ticket, replacedTicketFile, configuration }
}

function viewOf(node: P2P): NodeView {
  const { transports, addresses } = node
  // A stopped node has neither.
  const isOpen = transports.length > 0
  const bandwidth = isOpen ? node.bandwidth : undefined
  return { transports, addresses, peers: isOpen ? node.connectedPeers() : [], bandwidth }
}

function tellView(node: P2P, port: LinkPort<NodeMessage, NodeRequest>): void {
  port.post({ type: 'view', view: viewOf(node) })
}

/** Tells the application's thread what happens, and before it how the node stands then. */
function listen(node: P2P, port: LinkPort<NodeMessage, NodeRequest>): void {
  for (const name of crossingEvents) {
    node.events.on(name, (payload) => {
      tellView(node, port)
      port.post({ type: 'event', name, payload: packValue(payload) })
    })
  }
  node.events.on('bandwidth:changed', (state) => {
    tellView(node, port)
    port.post({ type: 'bandwidth', state })
  })
  // Peers become members, and paths change, without an event that crosses.
  for (const name of ['database:shared', 'path:changed', 'session:ended'] as const) {
    node.events.on(name, () => tellView(node, port))
  }
}

interface Call {
  readonly name: string
  readonly args: readonly unknown[]
  readonly signal: AbortSignal
}

async function answer(node: P2P, { name, args, signal }: Call): Promise<unknown> {
  const [first, second] = args
  switch (name) {
    case 'start':
      return node.start({ signal })
    case 'stop':
      return node.stop()
    case 'connectPeer':
      return node.connectPeer(String(first), { ...Object(second), signal })
    case 'disconnectPeer':
      return node.disconnectPeer(String(first))
    case 'disconnectAll':
      return node.disconnectAll()
    case 'discoverPeers':
      return node.discoverPeers({ signal })
    case 'setProfile':
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other end has checked it
      return node.setProfile(first as BandwidthProfile)
    default:
      throw new TypeError(`a worker has no call ${name}`)
  }
}
