/** Runs scripts of edits through our engine and unmodified automerge-repo peers, and compares what they end with. */
import * as A from '@automerge/automerge'
import {
  createAutomergeRepoServer,
  followAutomergeRepo,
  type AutomergeRepoFollower,
  type AutomergeRepoServer,
} from '@vudo/automerge-repo'
import { createAuthorKey, type AuthorKey } from '@vudo/identity'
import { openMemoryStore, type Store } from '@vudo/storage'
import { openDatabase, type Database, type DocumentHandle } from '@vudo/sync'
import fc from 'fast-check'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished, vi } from 'vitest'
import { openLine, type CutLine } from './cut-line.ts'
import type { Question, Report } from './differential-peer.ts'
import {
  applyEdit,
  conflictsOf,
  fill,
  pictureOf,
  scripts,
  type Edit,
  type Page,
  type Round,
} from './edit-scripts.ts'

/** What a document begins with: its URL and the changes that made it. */
interface Begun {
  readonly url: string
  readonly changes: readonly Uint8Array[]
}

/** Somebody who edits documents. */
interface Participant {
  readonly name: string
  begin(): Promise<Begun>
  /** Settles when the document is there. */
  find(url: string): Promise<void>
  /** Makes an edit. @returns the change, if the edit changed something. */
  edit(url: string, edit: Edit): Promise<Uint8Array | undefined>
  heads(url: string): Promise<readonly string[]>
  report(url: string): Promise<Report>
}

class StockPeer implements Participant {
  readonly name: string
  readonly #child: ChildProcess
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>()
  #asked = 0
  #ended: Error | undefined

  constructor(name: string, args: readonly string[]) {
    this.name = name
    const path = fileURLToPath(new URL('differential-peer.ts', import.meta.url))
    this.#child = fork(path, args, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      // It talks of a negative timeout with each start.
      execArgv: ['--no-warnings'],
      // Whatever the test runner wants of its own workers.
      env: { PATH: process.env['PATH'] },
    })
    this.#child.on('message', (message: { id: number; result?: unknown; error?: string }) => {
      const waiting = this.#open.get(message.id)
      this.#open.delete(message.id)
      if (message.error === undefined) waiting?.resolve(message.result)
      else waiting?.reject(new Error(`${name}: ${message.error}`))
    })
    let said = ''
    this.#child.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()))
    this.#child.on('exit', (code) => {
      this.#ended = new Error(`${name} ended with ${code}: ${said}`)
      for (const { reject } of this.#open.values()) reject(this.#ended)
    })
  }

  async ask<Answer>(question: Question): Promise<Answer> {
    const id = ++this.#asked
    const answer = Promise.withResolvers<unknown>()
    this.#open.set(id, answer)
    if (this.#ended) throw this.#ended
    // Whoever has ended tells why when it is closed.
    this.#child.send({ id, question }, () => {})
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the child answers each question with
    return (await answer.promise) as Answer
  }

  begin(): Promise<Begun> {
    return this.ask({ type: 'begin' })
  }

  find(url: string): Promise<void> {
    return this.ask({ type: 'find', url })
  }

  edit(url: string, edit: Edit): Promise<Uint8Array | undefined> {
    return this.ask({ type: 'edit', url, edit })
  }

  heads(url: string): Promise<readonly string[]> {
    return this.ask({ type: 'heads', url })
  }

  report(url: string): Promise<Report> {
    return this.ask({ type: 'report', url })
  }

  async close(): Promise<void> {
    if (this.#ended) return
    const ended = once(this.#child, 'exit')
    // It keeps nothing, and a Repo has timers that would keep it.
    this.#child.kill('SIGKILL')
    await ended
  }
}

/** Puts something wrong into our side, each time it starts; it shows while documents are edited. */
export type Flaw = (database: Database, isEditing: () => boolean) => void

/** Our side: a database in a store, and the link to stock peers that {@link connect} makes of it. */
class OurPeer implements Participant {
  readonly name = 'ours'
  readonly #store: Store
  readonly #author: AuthorKey
  readonly #connect: (database: Database) => Promise<AutomergeRepoServer | AutomergeRepoFollower>
  readonly #paths = new Map<string, string>()
  #database!: Database
  #link!: AutomergeRepoServer | AutomergeRepoFollower
  /** One document is held open, the others are closed between edits. */
  #held: { readonly url: string; readonly handle: DocumentHandle<Page> } | undefined

  constructor(
    store: Store,
    connect: (database: Database) => Promise<AutomergeRepoServer | AutomergeRepoFollower>,
  ) {
    this.#store = store
    this.#author = createAuthorKey()
    this.#connect = connect
  }

  get link(): AutomergeRepoServer | AutomergeRepoFollower {
    return this.#link
  }

  async start(): Promise<void> {
    const [store, author] = [this.#store, this.#author]
    this.#database = await openDatabase({ id: 'differential', store, author })
    this.#link = await this.#connect(this.#database)
    const url = this.#held?.url
    if (url !== undefined) this.#held = { url, handle: await this.#open(url) }
  }

  async stop(): Promise<void> {
    await this.#link.close()
    await this.#database.close()
  }

  async begin(): Promise<Begun> {
    const handle = await this.#database.open<Page>(`pages/${this.#paths.size}`)
    handle.change(fill)
    this.#paths.set(handle.id, handle.path)
    const changes = A.getAllChanges(handle.current)
    if (this.#held) await handle.close()
    else this.#held = { url: handle.id, handle }
    return { url: handle.id, changes }
  }

  async find(url: string): Promise<void> {
    const path = `new/${url.slice('automerge:'.length)}`
    if (!this.#paths.has(url)) {
      // A follower has to be told of it; to a server the client brings it.
      if ('isConnected' in this.#link) await this.#database.admit(path, url)
      this.#paths.set(url, path)
    }
    await vi.waitFor(
      async () => {
        const there = await this.#database.readDoc(this.#pathOf(url))
        if (!there || !('count' in there)) throw new Error(`${url} has not come`)
      },
      { timeout: 20_000, interval: 20 },
    )
  }

  async edit(url: string, edit: Edit): Promise<Uint8Array | undefined> {
    const held = this.#held?.url === url ? this.#held.handle : undefined
    const handle = held ?? (await this.#open(url))
    const before = handle.heads.join()
    handle.change((doc) => applyEdit(doc, edit))
    const isChanged = handle.heads.join() !== before
    const change = isChanged ? A.getLastLocalChange(handle.current) : undefined
    if (!held) await handle.close()
    return change
  }

  async heads(url: string): Promise<readonly string[]> {
    return this.#database.documentStatus(this.#pathOf(url))?.heads ?? []
  }

  async report(url: string): Promise<Report> {
    const handle = await this.#open(url)
    const doc = handle.current
    const report = { saved: A.save(doc), picture: pictureOf(doc) }
    await handle.close()
    return report
  }

  #open(url: string): Promise<DocumentHandle<Page>> {
    return this.#database.open<Page>(this.#pathOf(url))
  }

  #pathOf(url: string): string {
    const path = this.#paths.get(url)
    if (path === undefined) throw new Error(`${url} was not begun or found`)
    return path
  }
}

/** Our side and stock peers, with lines between them. */
export interface DifferentialLab {
  /** Runs a script on new documents, and compares. @throws `Error` that says who lacks what. */
  run(script: readonly Round[]): Promise<void>
}

/** How a lab is made. */
export interface LabOptions {
  /** Puts something wrong into our side. @defaultValue nothing */
  readonly flaw?: Flaw | undefined
  /** Milliseconds until all must agree. @defaultValue 20,000 */
  readonly withinMs?: number | undefined
}

/** Processes of a busy machine take their time to end. */
const CLOSE_WITHIN_MS = 60_000

/** Ours is the server, and two stock clients in processes of their own use it. */
export async function startServing(options: LabOptions = {}): Promise<DifferentialLab> {
  const phase: Phase = { isEditing: false }
  const store = await openMemoryStore()
  const ours = new OurPeer(store, (database) => {
    options.flaw?.(database, () => phase.isEditing)
    return createAutomergeRepoServer({ database, newDocuments: 'new' })
  })
  await ours.start()
  const portOfOurs = (): number => {
    return 'url' in ours.link ? Number(new URL(ours.link.url).port) : 0
  }
  const lines = [await openLine(portOfOurs), await openLine(portOfOurs)]
  const clients = lines.map(({ url }, at) => new StockPeer(`client ${at}`, ['client', url]))
  onTestFinished(async () => {
    for (const client of clients) await client.close()
    for (const line of lines) await line.close()
    await ours.stop()
    await store.close()
  }, CLOSE_WITHIN_MS)
  return new Lab([ours, ...clients], { lines: [undefined, ...lines], ours, options, phase })
}

/** Ours follows a stock server in a process of its own, which has a stock client as well. */
export async function startFollowing(options: LabOptions = {}): Promise<DifferentialLab> {
  const phase: Phase = { isEditing: false }
  const server = new StockPeer('server', ['server'])
  const port = await server.ask<number>({ type: 'port' })
  const lines = [await openLine(() => port), await openLine(() => port)] as const
  const [ourLine, clientLine] = lines
  const store = await openMemoryStore()
  const ours = new OurPeer(store, (database) => {
    options.flaw?.(database, () => phase.isEditing)
    return Promise.resolve(followAutomergeRepo({ database, url: ourLine.url }))
  })
  await ours.start()
  const client = new StockPeer('client', ['client', clientLine.url])
  onTestFinished(async () => {
    await client.close()
    await ours.stop()
    await store.close()
    for (const line of lines) await line.close()
    await server.close()
  }, CLOSE_WITHIN_MS)
  const ends = [ourLine, clientLine, undefined]
  return new Lab([ours, client, server], { lines: ends, ours, options, phase, strangers: [client] })
}

/** Both ways in which our documents meet those of automerge-repo. */
export const directions = [
  ['our server and stock clients', startServing],
  ['our follower, a stock server and a stock client', startFollowing],
] as const

/** Runs so many scripts in one lab. @throws `Error` with the seed that fast-check gave them. */
export async function runScripts(
  start: (options?: LabOptions) => Promise<DifferentialLab>,
  options: LabOptions & { readonly numRuns: number },
): Promise<void> {
  const lab = await start(options)
  const size = { participants: 3, documents: 3, rounds: 4 }
  await fc.assert(
    fc.asyncProperty(scripts(size), (script) => lab.run(script)),
    // A shorter script takes as long, and the seed tells which one it was.
    { numRuns: options.numRuns, endOnFailure: true },
  )
}

interface Phase {
  /** False while documents are begun, which a flaw must not keep from happening. */
  isEditing: boolean
}

class Lab implements DifferentialLab {
  readonly #participants: readonly Participant[]
  readonly #ours: OurPeer
  /** That of each participant; none for who is at the other end of all. */
  readonly #lines: readonly (CutLine | undefined)[]
  readonly #withinMs: number
  readonly #phase: Phase
  readonly #strangers: readonly Participant[]

  constructor(
    participants: readonly Participant[],
    init: {
      readonly lines: readonly (CutLine | undefined)[]
      readonly ours: OurPeer
      readonly options: LabOptions
      readonly phase: Phase
      /** Who meets no peer of ours. @defaultValue nobody */
      readonly strangers?: readonly Participant[]
    },
  ) {
    this.#strangers = init.strangers ?? []
    this.#phase = init.phase
    this.#participants = participants
    this.#lines = init.lines
    this.#ours = init.ours
    this.#withinMs = init.options.withinMs ?? 20_000
  }

  async run(script: readonly Round[]): Promise<void> {
    const oracle = new Oracle()
    this.#phase.isEditing = false
    const urls = await this.#beginAll(oracle)
    this.#phase.isEditing = true
    for (const round of script) await this.#play(round, urls, oracle)
    await oracle.settle()
    await this.#mendAll()
    for (const url of urls) await this.#agree(url, oracle)
    // Once more, as it lies in the store.
    await this.#restart()
    for (const url of urls) await oracle.compare(this.#ours, url)
  }

  /** One document of each participant, found by all others. */
  async #beginAll(oracle: Oracle): Promise<string[]> {
    const urls: string[] = []
    for (const one of this.#participants) {
      const { url, changes } = await one.begin()
      for (const change of changes) oracle.add(url, change)
      urls.push(url)
      for (const other of this.#participants) if (other !== one) await other.find(url)
    }
    return urls
  }

  async #play(round: Round, urls: readonly string[], oracle: Oracle): Promise<void> {
    await this.#mendAll()
    if (round.restarts) {
      await oracle.settle()
      await this.#restart()
    }
    for (const who of round.offline) await this.#lines[who]?.cut()
    for (const { who, document, edit } of round.edits) {
      const [participant, url] = [this.#participants[who], urls[document]]
      if (!participant || url === undefined) throw new Error('a script for more participants')
      oracle.expect(url, participant.edit(url, edit))
    }
    if (round.settles) await oracle.settle()
  }

  async #mendAll(): Promise<void> {
    for (const line of this.#lines) await line?.mend()
  }

  async #restart(): Promise<void> {
    for (const line of this.#lines) await line?.cut()
    await this.#ours.stop()
    await this.#ours.start()
    await this.#mendAll()
  }

  /** Everybody gets everything, and nothing else. */
  async #agree(url: string, oracle: Oracle): Promise<void> {
    const known = this.#participants.filter((one) => !this.#strangers.includes(one))
    await this.#arrive(known, url, oracle)
    // What a stock server fails to tell a stock client, after a connection broke, it tells with the next one.
    await this.#arrive(this.#strangers, url, oracle).catch(async () => {
      for (const line of this.#lines) await line?.cut()
      await this.#mendAll()
      await this.#arrive(this.#strangers, url, oracle)
    })
    for (const participant of this.#participants) await oracle.compare(participant, url)
  }

  async #arrive(participants: readonly Participant[], url: string, oracle: Oracle): Promise<void> {
    const expected = oracle.heads(url)
    await vi.waitFor(
      async () => {
        const behind: string[] = []
        for (const participant of participants) {
          const heads = await participant.heads(url)
          if (heads.toSorted().join() !== expected) behind.push(participant.name)
        }
        if (behind.length === 0) return
        throw new Error(`${behind.join(' and ')} lacks ${oracle.describe(url)}`)
      },
      { timeout: this.#withinMs, interval: 30 },
    )
  }
}

/** What everybody must have in the end: all changes that anybody made, put together by Automerge alone. */
class Oracle {
  readonly #changes = new Map<string, Map<string, Uint8Array>>()
  #underWay: Promise<void>[] = []

  add(url: string, change: Uint8Array): void {
    const changes = this.#changes.get(url) ?? new Map<string, Uint8Array>()
    this.#changes.set(url, changes)
    changes.set(A.decodeChange(change).hash, change)
  }

  expect(url: string, change: Promise<Uint8Array | undefined>): void {
    const added = change.then((bytes) => bytes && this.add(url, bytes))
    // Whoever settles is told; nobody else has to be.
    added.catch(() => {})
    this.#underWay.push(added)
  }

  /** Settles when all edits are made. */
  async settle(): Promise<void> {
    await Promise.all(this.#underWay.splice(0))
  }

  #document(url: string): A.Doc<Page> {
    const changes = [...(this.#changes.get(url)?.values() ?? [])]
    return A.applyChanges(A.init<Page>(), changes)[0]
  }

  heads(url: string): string {
    return A.getHeads(this.#document(url)).toSorted().join()
  }

  describe(url: string): string {
    return `some of ${this.#changes.get(url)?.size} changes of ${url}`
  }

  /** Compares what a participant saved and what it shows with what it must be. */
  async compare(participant: Participant, url: string): Promise<void> {
    const { saved, picture } = await participant.report(url)
    const expected = this.#document(url)
    const loaded = A.load<Page>(saved)
    const made = this.#changes.get(url) ?? new Map<string, Uint8Array>()
    const there = new Set(A.getAllChanges(loaded).map((change) => A.decodeChange(change).hash))
    const missing = [...made.keys()].filter((hash) => !there.has(hash))
    const wrong = [
      missing.length > 0 && `${missing.length} of ${made.size} changes missing`,
      there.size > made.size && `${there.size - made.size} changes that nobody made`,
      A.getHeads(loaded).toSorted().join() !== this.heads(url) && 'other heads',
      pictureOf(loaded) !== pictureOf(expected) && 'another saved value',
      conflictsOf(loaded) !== conflictsOf(expected) && 'other conflicts',
      picture !== pictureOf(expected) && 'another value on show',
    ].filter((text) => text !== false)
    if (wrong.length === 0) return
    throw new Error(`${participant.name}, ${url}: ${wrong.join(', ')}`)
  }
}
