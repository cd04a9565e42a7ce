/** A node that runs in a worker thread, seen from the application's: open documents are here, all else is asked there. */
import process from 'node:process'
import { MessageChannel, Worker } from 'node:worker_threads'
import { parseTicket } from '@vudo/identity'
import type { Database } from '@vudo/sync'
import {
  connectDatabase,
  createLinkCaller,
  createLinkPort,
  unpackValue,
  type LinkCaller,
  type LinkPort,
} from '@vudo/sync/worker'
import { registeredTransports } from '@vudo/transport'
import { checkProfile, type BandwidthState } from './bandwidth.ts'
import { P2PError } from './errors.ts'
import { FarNetwork, onlyInWorker } from './far-network.ts'
import type { P2POptions } from './options.ts'
import type { Running } from './running.ts'
import type { NodeMessage, NodeRequest, NodeView, OpenedNode } from './worker-messages.ts'
import { crossingOptions, type WorkerSettings } from './worker-option.ts'

/**
 * Starts a worker and makes the node there.
 *
 * @throws `P2PError` `ERR_P2P_WORKER_OPTION` for options that cannot cross, `ERR_P2P_WORKER_ENDED`;
 *   what `createP2P` throws.
 */
export async function openInWorker(
  options: P2POptions,
  { module }: WorkerSettings,
  onBandwidth: (state: BandwidthState) => void,
): Promise<Running> {
  const crossing = crossingOptions(options)
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(programUrl(), {
    workerData: { options: crossing, module, registered: registeredTransports(), port: port2 },
    transferList: [port2],
    ...programArguments(),
  })
  const node = new FarNode(worker, onBandwidth)
  try {
    const opened = await node.create()
    // Only now it serves them: before, there is nothing to be served.
    const database = await connectDatabase(port1)
    return runningOf(node, opened, database)
  } catch (error) {
    port1.close()
    await node.end()
    throw error
  }
}

/** Sources run as they are in the workspace, and compiled where the package is installed. */
function programUrl(): URL {
  const isSource = import.meta.url.endsWith('.ts')
  return isSource
    ? new URL('./worker-program.ts', import.meta.url)
    : new URL('./worker-program.js', import.meta.url)
}

/** A worker runs with the flags of its program, and refuses to start with one that says how a text is to be run. */
function programArguments(): { readonly execArgv?: string[] } {
  const isText = process.execArgv.some((flag) => flag.startsWith('--input-type'))
  return isText ? { execArgv: [] } : {}
}

function runningOf(node: FarNode, opened: OpenedNode, database: Database): Running {
  const { peerId, authorId, ticket, replacedTicketFile, configuration } = opened
  const network = new FarNetwork(peerId, node.caller, () => node.view)
  node.network = network
  let isToldEnded = false
  database.events.on('worker:ended', () => (isToldEnded = true))
  return {
    key: { peerId },
    author: { authorId },
    ticket: parseTicket(ticket),
    replacedTicketFile,
    configuration,
    sealing: {
      get keys(): never {
        throw onlyInWorker('sealingKeys')
      },
    },
    get transports() {
      return node.view.transports.map((name) => ({ name }))
    },
    network,
    bandwidth: {
      get state() {
        return node.bandwidth
      },
      setProfile: (profile) => {
        checkProfile('profile', profile)
        node.tell('setProfile', [profile])
      },
    },
    database,
    willow: undefined,
    gossiping: undefined,
    elsewhere: onlyInWorker,
    async join() {
      await network.start()
      node.holdProgram()
    },
    async close() {
      try {
        // First what was edited: it goes through a port of its own.
        await database.close()
        await node.stop()
      } catch (error) {
        // The event has told it, and may come before the end of the thread is known here.
        if (!isToldEnded || !node.hasEnded) throw error
      } finally {
        await network.stop()
        await node.end()
      }
    },
  }
}

/** The worker, and what it has told. */
class FarNode {
  readonly caller: LinkCaller
  network: FarNetwork | undefined
  readonly #worker: Worker
  readonly #port: LinkPort<NodeRequest, NodeMessage>
  readonly #onBandwidth: (state: BandwidthState) => void
  #view: NodeView | undefined
  #bandwidth: BandwidthState | undefined
  #isEnding = false
  #hasEnded = false
  #isHolding = false

  constructor(worker: Worker, onBandwidth: (state: BandwidthState) => void) {
    this.#worker = worker
    this.#onBandwidth = onBandwidth
    this.#port = createLinkPort<NodeRequest, NodeMessage>(worker)
    this.caller = createLinkCaller(this.#port)
    this.#port.listen(
      (message) => this.#take(message),
      (cause) => this.#lost(cause),
    )
  }

  get view(): NodeView {
    if (this.#view) return this.#view
    throw new Error('the worker has not told how the node stands')
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** The last one that was told. */
  get bandwidth(): BandwidthState {
    if (this.#bandwidth) return this.#bandwidth
    throw new Error('the worker has not told its bandwidth')
  }

  #take(message: NodeMessage): void {
    switch (message.type) {
      case 'view':
        this.#view = message.view
        this.#bandwidth = message.view.bandwidth ?? this.#bandwidth
        return
      case 'event': {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a pair of name and payload
        const payload = unpackValue(message.payload) as never
        this.network?.events.publish(message.name, payload)
        return
      }
      case 'bandwidth':
        return this.#onBandwidth(message.state)
      default:
        return this.caller.take(message)
    }
  }

  /** Makes the node in the worker. */
  async create(): Promise<OpenedNode> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program answers it
    return (await this.caller.call('create', [])) as OpenedNode
  }

  /** Asks for something without an answer; a worker that has ended is told of in another way. */
  tell(name: string, args: readonly unknown[]): void {
    this.caller.call(name, args).catch(() => {})
  }

  /** A started node keeps its program alive, as its sockets would. */
  holdProgram(): void {
    if (!this.#isHolding) this.#port.hold()
    this.#isHolding = true
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded) await this.caller.call('stop', [])
  }

  /** Frees the thread. */
  async end(): Promise<void> {
    this.#isEnding = true
    await this.#worker.terminate()
  }

  #lost(cause: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    if (this.#view) this.#view = { ...this.#view, addresses: [], transports: [], peers: [] }
    const error = new P2PError('ERR_P2P_WORKER_ENDED', 'the worker of the node has ended', {
      cause,
      hint: this.#isEnding
        ? 'the node was stopped'
        : 'what was stored is safe: stop() and start() begin a new one',
    })
    this.caller.fail(error)
  }
}
