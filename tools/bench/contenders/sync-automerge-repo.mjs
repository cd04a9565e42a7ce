/**
 * automerge-repo 2.5.6 in the sync benches: over its own WebSocket adapters, stored by its NodeFS
 * adapter. The node in the middle has opened all its documents before anything is measured and
 * offers them by itself, which is quicker than being asked for each.
 */
import process from 'node:process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as Automerge from '@automerge/automerge'
import { Repo } from '@automerge/automerge-repo'
import {
  WebSocketClientAdapter,
  WebSocketServerAdapter,
} from '@automerge/automerge-repo-network-websocket'
import { NodeFSStorageAdapter } from '@automerge/automerge-repo-storage-nodefs'
import { WebSocketServer } from 'ws'
import { content, laterEdits } from '../support/sync-documents.mjs'
import { createCrowd, createTypist } from '../support/sync-typing.mjs'
import { fitted, readTrace } from '../support/sync-trace.mjs'
import { meterWebSockets, nowMs, quiet, usage, messageTrail } from '../support/sync-meter.mjs'
import { answer, residentKiB } from '../support/workers.mjs'

meterWebSockets()

const [name] = process.argv.slice(2)
let repo
let server
let adapter
let address
let directoryOf
let text
const typist = createTypist({ length: () => lengthOf(text), append: () => append(text, 'x') })
const crowd = createCrowd()
const members = []

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
    const urls = JSON.parse(await readFile(`${directory}.json`, 'utf8').catch(() => '[]'))
    for (const url of urls.slice(0, openDocuments)) watch(await repo.find(url))
    return { address, text: urls[0], readyMs: nowMs() - startedMs }
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
    if (url === undefined) return
    watch(await repo.find(url))
    await keepUrl(directoryOf)
  },
  ...typist.actions,
  /** The keystrokes of a trace, one change each. */
  async buildTrace({ directory, file, count }) {
    open(directory)
    const low = Automerge.getBackend(Automerge.init())
    const object = low.putObject('_root', 'text', '')
    low.commit()
    for (const [at, removed, inserted] of readTrace(file, count)) {
      low.splice(object, at, removed, inserted)
      low.commit()
    }
    watch(repo.import(low.save()))
    await text.whenReady()
    await keepUrl(directory)
    return lengthOf(text)
  },
  async buildText({ directory, count }) {
    open(directory)
    watch(repo.create({ text: '' }))
    for (let i = 0; i < count; i++) append(text, '.')
    await keepUrl(directory)
  },
  read: () => lengthOf(text),
  /** Types many characters at one place, offline. */
  async editText({ directory, count, at, character }) {
    open(directory)
    const [url] = JSON.parse(await readFile(`${directory}.json`, 'utf8'))
    watch(await repo.find(url))
    for (let i = 0; i < count; i++) {
      text.change((doc) => Automerge.splice(doc, ['text'], at + i, 0, character))
      if (i % 1_000 === 999) await pause(0)
    }
    await repo.flush()
  },
  /** Keystrokes of a trace from a place on, offline; in a text that others have written as well. */
  async editTrace({ directory, file, from, count }) {
    open(directory)
    const [url] = JSON.parse(await readFile(`${directory}.json`, 'utf8'))
    watch(await repo.find(url))
    for (const [i, patch] of readTrace(file, from + count)
      .slice(from)
      .entries()) {
      text.change((doc) => Automerge.splice(doc, ['text'], ...fitted(patch, doc.text.length)))
      if (i % 1_000 === 999) await pause(0)
    }
    await repo.flush()
  },
  /** Loses all that it knows of others: sync states lie beside each document. */
  async forgetPeers({ directory }) {
    const all = await readdir(directory, { recursive: true, withFileTypes: true })
    for (const { name: entry, parentPath } of all) {
      if (entry !== 'sync-state') continue
      await rm(path.join(parentPath, entry), { recursive: true })
    }
  },
  async meet({ address: hub, heads }) {
    address = hub
    await connect(repo)
    await until(() => hasHeads(heads))
    return messageTrail()
  },
  /** As `meet`, for who is called. Both tell which messages had crossed by then. */
  async has({ heads }) {
    await until(() => hasHeads(heads))
    return messageTrail()
  },
  heads: () => Automerge.getHeads(text.doc()).toSorted(),
  /** Many clients in this process, each with a store of its own. */
  async gather({ count, directory, address: hub, text: url }) {
    address = hub
    for (let i = 0; i < count; i++) {
      const storage = new NodeFSStorageAdapter(`${directory}-${i}`)
      const member = new Repo({ network: [], storage, peerId: `${name}-${i}` })
      members.push(member)
      await connect(member)
      const handle = await member.find(url)
      crowd.clients.push({
        length: () => lengthOf(handle),
        append: () => handle.change((doc) => Automerge.splice(doc, ['text'], 0, 0, 'x')),
        onChange: (listener) => handle.on('change', listener),
      })
    }
  },
  ...crowd.actions,
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
  directoryOf = directory
  const network = server === undefined ? [] : [new WebSocketServerAdapter(server)]
  repo = new Repo({ network, storage: new NodeFSStorageAdapter(directory), peerId: name })
}

async function connect(member = repo) {
  adapter = new WebSocketClientAdapter(address)
  const met = new Promise((resolve) => void adapter.once('peer-candidate', resolve))
  member.networkSubsystem.addNetworkAdapter(adapter)
  await met
}

async function keepUrl(directory) {
  await repo.flush()
  await writeFile(`${directory}.json`, JSON.stringify([text.url]))
}

function watch(handle) {
  text = handle
  text.on('change', () => typist.look())
}

function lengthOf(handle) {
  return handle.doc().text.length
}

function hasHeads(heads) {
  const own = Automerge.getHeads(text.doc())
  return heads.every((head) => own.includes(head))
}

function append(handle, character) {
  handle.change((doc) => Automerge.splice(doc, ['text'], doc.text.length, 0, character))
}

/** Looks after each change of the text. */
function until(isDone) {
  return new Promise((resolve) => {
    text.on('change', look)
    look()
    function look() {
      if (!isDone()) return
      text.off('change', look)
      resolve()
    }
  })
}
