/**
 * An unmodified automerge-repo peer in a process of its own, told by its parent what to do:
 * `fork('differential-peer.ts', ['client', '<url of a server>'])` or `['server']`.
 */
import * as A from '@automerge/automerge'
import { Repo, type AutomergeUrl, type DocHandle, type PeerId } from '@automerge/automerge-repo'
import {
  WebSocketClientAdapter,
  WebSocketServerAdapter,
} from '@automerge/automerge-repo-network-websocket'
import { once } from 'node:events'
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import { applyEdit, fill, pictureOf, type Edit, type Page } from './edit-scripts.ts'

/** What the parent asks for. */
export type Question =
  | { readonly type: 'port' }
  | { readonly type: 'begin' }
  | { readonly type: 'find'; readonly url: string }
  | { readonly type: 'edit'; readonly url: string; readonly edit: Edit }
  | { readonly type: 'heads'; readonly url: string }
  | { readonly type: 'report'; readonly url: string }

/** What a participant has of a document. */
export interface Report {
  readonly saved: Uint8Array
  readonly picture: string
}

/** How often a client that lost its server tries again. */
const retryMs = 300

/** How long a document may take to be there. */
const findWithinMs = 15_000

const [role = '', url = ''] = process.argv.slice(2)
let port = 0
const repo = role === 'server' ? await startServer() : startClient()
const handles = new Map<string, DocHandle<Page>>()

// automerge-repo throws when its socket closes while it is about to send, or connects: an application
// of it has to live with that.
process.on('uncaughtException', (error) => {
  if (!/Websocket not ready|ECONNRESET|socket hang up/.test(error.message)) throw error
})
process.on('message', ({ id, question }: { id: number; question: Question }) => {
  void answer(question).then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))

function startClient(): Repo {
  return new Repo({ network: [new WebSocketClientAdapter(url, retryMs)] })
}

async function startServer(): Promise<Repo> {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(sockets, 'listening')
  port = (sockets.address() as { port: number }).port
  return new Repo({
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its types ask for less strict ones than ours
    network: [new WebSocketServerAdapter(sockets as never)],
    peerId: 'stock-server' as PeerId,
  })
}

async function answer(question: Question): Promise<unknown> {
  if (question.type === 'port') return port
  if (question.type === 'begin') return begin()
  const handle = await handleOf(question.url)
  if (question.type === 'find') return undefined
  if (question.type === 'heads') return A.getHeads(handle.doc())
  if (question.type === 'edit') return edit(handle, question.edit)
  return { saved: A.save(handle.doc()), picture: pictureOf(handle.doc()) } satisfies Report
}

function begin(): { url: string; changes: Uint8Array[] } {
  const handle = repo.create<Page>()
  handle.change(fill)
  handles.set(handle.url, handle)
  return { url: handle.url, changes: A.getAllChanges(handle.doc()) }
}

async function handleOf(documentUrl: string): Promise<DocHandle<Page>> {
  const handle = handles.get(documentUrl) ?? (await find(documentUrl))
  handles.set(documentUrl, handle)
  return handle
}

/** While its server is away everything is unavailable to it. */
async function find(documentUrl: string): Promise<DocHandle<Page>> {
  for (const endMs = performance.now() + findWithinMs; ;) {
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- automerge-repo brands its texts
      return await repo.find<Page>(documentUrl as AutomergeUrl)
    } catch (error) {
      if (performance.now() > endMs) throw error
      await setTimeout(retryMs)
    }
  }
}

function edit(handle: DocHandle<Page>, one: Edit): Uint8Array | undefined {
  const before = A.getHeads(handle.doc()).join()
  handle.change((doc) => applyEdit(doc, one))
  const doc = handle.doc()
  return A.getHeads(doc).join() === before ? undefined : A.getLastLocalChange(doc)
}
