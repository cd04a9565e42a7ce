/**
 * automerge-repo 2.5.6 in the sync benches: over its own WebSocket adapters, stored by its NodeFS
 * adapter. The node in the middle has opened all its documents before anything is measured and
 * offers them by itself, which is quicker than being asked for each.
 */
import process from 'node:process'
import { readFile, writeFile } from 'node:fs/promises'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import * as Automerge from '@automerge/automerge'
import { Repo } from '@automerge/automerge-repo'
import {
  WebSocketClientAdapter,
  WebSocketServerAdapter,
} from '@automerge/automerge-repo-network-websocket'
import { NodeFSStorageAdapter } from '@automerge/automerge-repo-storage-nodefs'
import { WebSocketServer } from 'ws'
import { content, laterEdits } from '../support/sync-documents.mjs'
import { meterWebSockets, nowMs, quiet, usage } from '../support/sync-meter.mjs'
import { answer, residentKiB } from '../support/workers.mjs'

meterWebSockets()

const [name] = process.argv.slice(2)
let repo
let server
let adapter
let address

answer({
  usage,
  residentKiB,
  quiet,
  async build({ directory, documents, varied = false }) {
    open(directory)
    const urls = []
    for (let i = 0; i < documents; i++) {
      const handle = repo.create(content(i, varied))
      for (const edit of laterEdits) handle.change(edit)
      urls.push(handle.url)
    }
    await repo.flush()
    await writeFile(`${directory}.json`, JSON.stringify(urls))
  },
  async start({ directory, isHub = false, openDocuments }) {
    const startedMs = nowMs()
    if (isHub) await listen()
    open(directory)
    const urls = isHub
      ? JSON.parse(await readFile(`${directory}.json`, 'utf8').catch(() => '[]'))
      : []
    for (const url of urls.slice(0, openDocuments)) await repo.find(url)
    return { address, readyMs: nowMs() - startedMs }
  },
  /** Settles when everything is stored. */
  async fetch({ address: hub, documents }) {
    address = hub
    await connect()
    for (;;) {
      const all = Object.values(repo.handles)
      if (all.length >= documents && all.every((handle) => handle.isReady())) break
      await pause(20)
    }
    await repo.flush()
  },
  /** They are open as they come. */
  openAll() {},
  async reconnect() {
    adapter.disconnect()
    await pause(300)
    const startedMs = nowMs()
    await connect()
    return (await quiet()) - startedMs
  },
  async begin() {
    watch(repo.create({ text: '' }))
    return text.url
  },
  async join({ address: hub, text: url }) {
    address = hub
    await connect()
    if (url !== undefined) watch(await repo.find(url))
  },
  arm,
  seen: () => seen.promise,
  type,
  async close() {
    await repo?.flush()
  },
  exit: () => process.exit(),
})

async function listen() {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise((resolve) => void server.once('listening', resolve))
  address = `ws://127.0.0.1:${server.address().port}`
}

function open(directory) {
  const network = server === undefined ? [] : [new WebSocketServerAdapter(server)]
  repo = new Repo({ network, storage: new NodeFSStorageAdapter(directory), peerId: name })
}

async function connect() {
  adapter = new WebSocketClientAdapter(address)
  const met = new Promise((resolve) => void adapter.once('peer-candidate', resolve))
  repo.networkSubsystem.addNetworkAdapter(adapter)
  await met
}

let text
let seen = Promise.withResolvers()
let wanted = 0
let base = 0
let times = []

function watch(handle) {
  text = handle
  text.on('change', look)
}

function arm({ count }) {
  seen = Promise.withResolvers()
  base = text.doc().text.length
  times = []
  wanted = count
}

function look() {
  if (wanted === 0) return
  const arrived = Math.min(text.doc().text.length - base, wanted)
  while (times.length < arrived) times.push(nowMs())
  if (times.length < wanted) return
  wanted = 0
  seen.resolve(times)
}

async function type({ count, rate }) {
  const sent = []
  for (let i = 0; i < count; i++) {
    sent.push(nowMs())
    text.change((doc) => Automerge.splice(doc, ['text'], doc.text.length, 0, 'x'))
    await (rate > 0 ? pause(1_000 / rate) : turn())
  }
  return sent
}
