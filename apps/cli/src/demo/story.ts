import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../errors.ts'
import { startDemoDht, type DemoDht } from './demo-dht.ts'
import { startDemoNode, type DemoNode } from './demo-node.ts'
import { startDemoRelay, type DemoRelay } from './demo-relay.ts'
import { agree, pathsBetween, seenBy, ticketOf, type DemoPath } from './questions.ts'
import { documentPath, historiesOf, importFiles, markdownFiles, textAt } from './documents.ts'

/** How long one step of the demo may take before it counts as failed, in milliseconds. */
const stepTimeoutMs = 30_000
/** How long to wait for multicast DNS before the address is given by hand, in milliseconds. */
const discoveryTimeoutMs = 10_000
/** How often a node is asked whether it has got there, in milliseconds. */
const pollMs = 50

/** How the second node found the first. */
export type FoundBy = 'mdns' | 'dht' | 'relay' | 'address'

/** What the demo showed. */
export interface DemoResult {
  readonly documents: number
  readonly changes: number
  readonly foundBy: FoundBy
  /** What each node talks over. */
  readonly transports: readonly string[]
  /** The connections of the session between them, the one in use first. */
  readonly paths: readonly DemoPath[]
  /** Who saw whom in the document that both looked at, as its name there. */
  readonly present: Readonly<Record<string, readonly string[]>>
  /** Path of a document that both have. */
  readonly edited: string
  /** The folders of the nodes that are left running; empty unless they were kept. */
  readonly kept: readonly string[]
}

/** What the demo is told. */
export interface DemoInit {
  /** Whose Markdown files are imported. */
  readonly folder: string
  /** Name of the transport that both nodes use. */
  readonly transport: string
  /** Leaves both nodes running at the end. */
  readonly isKept: boolean
  /** Called with each sentence of the story as it becomes true. */
  readonly tell: (sentence: string) => void
  /** Ends the demo early; both nodes are ended. */
  readonly signal: AbortSignal
}

/** Runs the whole demo: two processes, real TCP, real files; only the loopback interface. */
export async function runDemo(init: DemoInit): Promise<DemoResult> {
  const files = await markdownFiles(init.folder)
  if (files.length === 0) {
    throw new CliError('ERR_INPUT_INVALID', `${init.folder} holds no Markdown file`, {
      hint: 'run the demo in a folder with some, or name one with --folder',
    })
  }
  const scratch = await mkdtemp(path.join(tmpdir(), 'vudo-demo-'))
  const story = new Story(init, scratch, files)
  let isDone = false
  try {
    const result = await story.run()
    isDone = true
    return result
  } finally {
    if (isDone && init.isKept) await story.leaveRunning()
    else {
      await story.stop()
      await rm(scratch, { recursive: true, force: true })
    }
  }
}

class Story {
  readonly #init: DemoInit
  readonly #scratch: string
  readonly #files: readonly string[]
  readonly #nodes = new Map<string, DemoNode>()
  #dht: DemoDht | undefined
  #relay: DemoRelay | undefined

  constructor(init: DemoInit, scratch: string, files: readonly string[]) {
    this.#init = init
    this.#scratch = scratch
    this.#files = files
  }

  async run(): Promise<DemoResult> {
    const { tell } = this.#init
    this.#dht = await startDemoDht(this.#init.transport)
    this.#relay = await startDemoRelay(this.#init.transport, this.#scratch)
    if (this.#relay) tell(`a relay of our own runs at ${this.#relay.url}`)
    if (this.#dht) tell(`a hash table of our own begins at ${this.#dht.address}`)
    const a = await this.#start('A')
    await importFiles(a.control, this.#init.folder, this.#files)
    tell(
      `A imports the ${this.#files.length} Markdown files of ${path.basename(this.#init.folder)} as documents`,
    )

    const database = await ticketOf(a)
    const b = await this.#start('B', database)
    const foundBy = await this.#meet(a, b)
    const paths = await this.#gatherPaths(a, b)
    await this.#until(`B has every document of A`, () => agree(a, b))
    tell(`B has all ${this.#files.length} documents`)

    const present = await this.#lookTogether(a, b)
    await this.#editTogether(a, b)
    const again = await this.#killAndReturn(a, b, database)
    const { lines, changes } = await historiesOf(again.control)
    const kept = this.#init.isKept ? [a.dataDir, again.dataDir] : []
    const edited = documentPath(this.#files[0] ?? '')
    const { transports } = a
    return { documents: lines.length, changes, foundBy, transports, paths, present, edited, kept }
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#nodes.values()].map((node) => node.stop()))
    await this.#dht?.close()
    await this.#relay?.stop()
  }

  async leaveRunning(): Promise<void> {
    await Promise.allSettled([...this.#nodes.values()].map((node) => node.leaveRunning()))
    // Two nodes that know each other need no third one; at a relay they need it all the time.
    await this.#dht?.close()
    this.#relay?.leaveRunning()
  }

  async #start(name: string, database?: string): Promise<DemoNode> {
    this.#init.signal.throwIfAborted()
    const dataDir = path.join(this.#scratch, name.toLowerCase())
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const { transport, isKept } = this.#init
    const bootstrap = this.#dht?.address
    const relay = this.#relay?.url
    const node = await startDemoNode({
      name,
      dataDir,
      database,
      transport,
      bootstrap,
      relay,
      isKept,
    })
    this.#nodes.set(name, node)
    const how = database === undefined ? '' : ", with A's ticket and no address"
    this.#init.tell(`node ${name} runs as process ${node.pid}, with a folder of its own${how}`)
    return node
  }

  /** Multicast DNS first; where it does not work the address is given by hand, and that is said. */
  async #meet(a: DemoNode, b: DemoNode): Promise<FoundBy> {
    const { tell } = this.#init
    try {
      const isConnected = async (): Promise<boolean> => (await pathsBetween(b, a)).length > 0
      await this.#until('A and B meet', isConnected, discoveryTimeoutMs)
      const foundBy = this.#dht ? 'dht' : this.#relay ? 'relay' : 'mdns'
      const how = { dht: 'in the hash table', relay: 'at the relay', mdns: 'by mDNS' }[foundBy]
      const [first] = await pathsBetween(b, a)
      const over = first?.transport ?? this.#init.transport
      tell(`B found A ${how}, over ${over}, and both proved that they may take part`)
      return foundBy
    } catch (error) {
      this.#init.signal.throwIfAborted()
      if (!(error instanceof CliError)) throw error
      await b.control.call('connect', { address: a.addresses[0] ?? '' })
      tell(
        `the search found nothing in ${discoveryTimeoutMs / 1_000} s; B was given A's address ${a.addresses[0]}`,
      )
      return 'address'
    }
  }

  /** Of several transports the relay connects first, and what is direct takes over from it. */
  async #gatherPaths(a: DemoNode, b: DemoNode): Promise<readonly DemoPath[]> {
    const { transports } = a
    if (transports.length > 1) {
      this.#init.tell(`both have the transports ${transports.join(' and ')}`)
      await this.#until('a direct connection joins that of the relay', async () => {
        const paths = await pathsBetween(b, a)
        return paths.some(({ relayed }) => relayed) && paths.some(({ relayed }) => !relayed)
      })
    }
    const paths = await pathsBetween(b, a)
    const [used, ...others] = paths.map(({ transport }) => transport)
    if (others.length > 0) {
      this.#init.tell(`their session runs over ${used} now, and ${others.join(', ')} stands by`)
    }
    return paths
  }

  /** Both look at one document and show a name and a cursor; each hears of the other by gossip. */
  async #lookTogether(a: DemoNode, b: DemoNode): Promise<Record<string, readonly string[]>> {
    const document = documentPath(this.#files[0] ?? '')
    const seen: Record<string, readonly string[]> = {}
    await this.#until('A and B see each other', async () => {
      seen['A'] = await seenBy(a, document)
      seen['B'] = await seenBy(b, document)
      return seen['A'].includes('B') && seen['B'].includes('A')
    })
    this.#init.tell(`both look at ${document}: A sees B there, and B sees A`)
    return seen
  }

  /** Both write into the same paragraph of the same documents before either hears of the other. */
  async #editTogether(a: DemoNode, b: DemoNode): Promise<void> {
    const edited = this.#files.slice(0, 3)
    const texts = await Promise.all(edited.map((file) => textAt(a.control, file)))
    await Promise.all(
      [a, b].flatMap((node) =>
        edited.map((file, i) =>
          node.control.call('edit', {
            path: documentPath(file),
            // Into the heading; a file may have none.
            after: texts[i]?.includes('# ') === true ? '# ' : '',
            insert: `(${node.name} was here) `,
          }),
        ),
      ),
    )
    this.#init.tell(`both edit the same line of ${edited.length} documents at the same time`)
    await this.#until('A and B agree again', () => agree(a, b))
    const text = await textAt(b.control, edited[0] ?? '')
    for (const { name } of [a, b]) {
      if (!text.includes(`(${name} was here)`)) {
        throw new CliError('ERR_DEMO_FAILED', `the edit of ${name} is missing`)
      }
    }
    this.#init.tell('A and B agree, and the edits of both are there')
  }

  async #killAndReturn(a: DemoNode, b: DemoNode, database: string): Promise<DemoNode> {
    const { tell } = this.#init
    await b.kill()
    this.#nodes.delete('B')
    tell(`B is killed (SIGKILL to process ${b.pid})`)
    const edited = this.#files.slice(-3)
    for (const file of edited) {
      await a.control.call('edit', {
        path: documentPath(file),
        insert: 'Written while B was away. ',
      })
    }
    tell(`A edits ${edited.length} documents without B`)
    const again = await this.#start('B', database)
    await this.#until('B catches up', () => agree(a, again))
    tell('B has caught up: its folder had survived, and only what was new came over')
    return again
  }

  /** Waits until `condition` holds. */
  async #until(
    what: string,
    condition: () => Promise<boolean>,
    timeoutMs: number = stepTimeoutMs,
  ): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!(await condition())) {
      this.#init.signal.throwIfAborted()
      if (performance.now() > deadline) {
        throw new CliError('ERR_DEMO_FAILED', `${what}: not within ${timeoutMs / 1_000} s`, {
          hint: 'vudo doctor --mdns-interface 127.0.0.1 checks what the demo needs',
        })
      }
      await sleep(pollMs)
    }
  }
}
