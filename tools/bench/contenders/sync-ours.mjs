/** Ours in the sync benches: a database of `@vudo/sync` in a directory, over `@vudo/transport-tcp`. */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { save } from '@automerge/automerge'
import { createAuthorKey, createNodeKey, sha256 } from '@vudo/identity'
import { createNetwork } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { openStore } from '@vudo/storage'
import { openDatabase, splice } from '@vudo/sync'
import { createTransport } from '@vudo/transport'
import '@vudo/transport-tcp'
import { content, laterEdits } from '../support/sync-documents.mjs'
import { createCrowd, createTypist } from '../support/sync-typing.mjs'
import { fitted, readTrace } from '../support/sync-trace.mjs'
import { messageTrail, meterChannels, nowMs, quiet, usage } from '../support/sync-meter.mjs'
import { answer, residentKiB } from '../support/workers.mjs'

await meterChannels()

/** `k` and `a`: packages/sync/src/stored-keys.ts. */
const positionPrefix = Uint8Array.of(0x6b)
const acknowledgementPrefix = Uint8Array.of(0x61)
const ticket = { id: 'bench', secret: new Uint8Array(32).fill(7) }
const author = createAuthorKey()
let store
let network
let database
let hubId
let isOnline = false
const handles = []
let text
const typist = createTypist({ length: () => lengthOf(text), append: () => append(text, 'x') })
const crowd = createCrowd()
const members = []

answer({
  usage,
  residentKiB,
  quiet,
  /** Documents in a directory, three changes each. */
  async build({ directory, documents, varied = false }) {
    await open(directory)
    for (let i = 0; i < documents; i++) {
      const handle = await database.open(pathOf(i))
      handle.change((doc) => Object.assign(doc, content(i, varied)))
      for (const edit of laterEdits) handle.change(edit)
      await handle.close()
    }
  },
  /** Edits some of the documents again, and tells how large they are then. */
  async edit({ directory, documents }) {
    await open(directory)
    let savedBytes = 0
    for (const i of documents) {
      const handle = await database.open(pathOf(i))
      for (const edit of laterEdits) handle.change(edit)
      savedBytes += save(handle.current).length
      await handle.close()
    }
    return savedBytes
  },
  /** Loses where it stands in the stores of others. */
  forgetPositions: ({ directory }) => forget(directory, [positionPrefix]),
  /** Loses all that it knows of others. */
  forgetPeers: ({ directory }) => forget(directory, [positionPrefix, acknowledgementPrefix]),
  /** Connects; settles when both have the same, and tells which messages had crossed when the last document came. */
  async catchUp({ address }) {
    let trail = ''
    database.events.on('document:changed', () => {
      trail = messageTrail()
    })
    hubId = await network.connectPeer(address)
    await database.whenSynced({ with: hubId })
    return trail
  },
  messageTrail,
  async start({ directory, openDocuments = 0 }) {
    const startedMs = nowMs()
    isOnline = true
    network = await createNode(directory)
    await open(directory)
    await database.whenReady()
    await openAll({ documents: openDocuments })
    return { address: network?.addresses[0], readyMs: nowMs() - startedMs }
  },
  /** Settles when everything is stored. */
  async fetch({ address, documents }) {
    hubId = await network.connectPeer(address)
    await database.whenSynced({ with: hubId })
    const { length } = await database.ls()
    if (length !== documents) throw new Error(`${length} of ${documents} documents arrived`)
  },
  openAll,
  async reconnect({ address }) {
    await network.disconnectPeer(hubId)
    await pause(300)
    const startedMs = nowMs()
    await network.connectPeer(address)
    await database.whenSynced({ with: hubId })
    return (await quiet()) - startedMs
  },
  // One text that is typed into.
  begin: () => openText(),
  async join({ address, text: isReader }) {
    hubId = await network.connectPeer(address)
    await database.whenSynced({ with: hubId })
    if (isReader) await openText()
  },
  ...typist.actions,
  /** The keystrokes of a trace, one change each. */
  async buildTrace({ directory, file, count }) {
    await open(directory)
    await openText()
    for (const [i, [at, removed, inserted]] of readTrace(file, count).entries()) {
      text.change((doc) => splice(doc, ['text'], at, removed, inserted))
      if (i % 1_000 === 999) await pause(0)
    }
    await text.whenSaved()
    return lengthOf(text)
  },
  async buildText({ directory, count }) {
    await open(directory)
    await openText()
    for (let i = 0; i < count; i++) append(text, '.')
    await text.whenSaved()
  },
  /** Types many characters at one place, offline. */
  async editText({ directory, count, at, character }) {
    await open(directory)
    await openText()
    for (let i = 0; i < count; i++) {
      text.change((doc) => splice(doc, ['text'], at + i, 0, character))
      if (i % 1_000 === 999) await pause(0)
    }
    await text.whenSaved()
  },
  /** Keystrokes of a trace from a place on, offline; in a text that others have written as well. */
  async editTrace({ directory, file, from, count }) {
    await open(directory)
    await openText()
    for (const [i, patch] of readTrace(file, from + count)
      .slice(from)
      .entries()) {
      text.change((doc) => splice(doc, ['text'], ...fitted(patch, doc.text.length)))
      if (i % 1_000 === 999) await pause(0)
    }
    await text.whenSaved()
  },
  /** Opens the text and tells how long it is. */
  async read() {
    await openText()
    return lengthOf(text)
  },
  /** Connects; settles when the text has these heads here. */
  async meet({ address, heads }) {
    await network.connectPeer(address)
    await until(() => heads.every((head) => text.heads.includes(head)))
    return messageTrail()
  },
  /** As `meet`, for who is called. Both tell which messages had crossed by then. */
  async has({ heads }) {
    await until(() => heads.every((head) => text.heads.includes(head)))
    return messageTrail()
  },
  heads: () => text.heads,
  /** Many clients in this process, each with a store of its own. */
  async gather({ count, directory, address }) {
    isOnline = true
    for (let i = 0; i < count; i++) {
      const member = await createMember(`${directory}-${i}`)
      members.push(member)
      const hub = await member.network.connectPeer(address)
      await member.database.whenSynced({ with: hub })
      const handle = await member.database.open('notes/text', { text: '' })
      crowd.clients.push({
        length: () => lengthOf(handle),
        append: () => handle.change((doc) => splice(doc, ['text'], 0, 0, 'x')),
        onChange: (listener) => handle.subscribe(listener),
      })
    }
  },
  ...crowd.actions,
  async close() {
    for (const member of [...members, { database, network, store }]) {
      await member.database?.close()
      await member.network?.stop()
      await member.store?.close()
    }
  },
  exit: () => process.exit(),
})

async function forget(directory, prefixes) {
  await open(directory)
  await database.close()
  const keys = []
  for (const prefix of prefixes) {
    for await (const { key } of store.scan({ prefix })) keys.push(key)
  }
  await store.write(keys.map((key) => ({ type: 'delete', key })))
}

function pathOf(i) {
  return `notes/${String(i).padStart(6, '0')}`
}

async function open(directory) {
  const member = await createMember(directory, network)
  store = member.store
  database = member.database
  network = member.network
}

/** A node has its key from its directory, so that others know it again. */
async function createNode(directory) {
  const key = createNodeKey(sha256(new TextEncoder().encode(directory)))
  const config = {
    mode: 'tcp',
    port: 0,
    bindAddress: '127.0.0.1',
    maxConnections: 1_000,
    maxNewConnectionsPerSecond: 1_000,
  }
  const transports = [createTransport(config, createTransportContext(key))]
  const node = createNetwork({ key, transports })
  await node.start()
  await node.join(ticket)
  return node
}

async function createMember(directory, node) {
  const online = node === undefined && isOnline ? await createNode(directory) : node
  const opened = await openStore({ directory })
  const init = { id: ticket.id, store: opened, author, network: online }
  return { store: opened, network: online, database: await openDatabase(init) }
}

async function openText() {
  text = await database.open('notes/text', { text: '' })
  handles.push(text)
  text.subscribe(() => typist.look())
}

function lengthOf(handle) {
  return handle.current.text.length
}

function append(handle, character) {
  handle.change((doc) => splice(doc, ['text'], doc.text.length, 0, character))
}

/** Looks after each change of the text. */
function until(isDone) {
  return new Promise((resolve) => {
    const stop = text.subscribe(look)
    queueMicrotask(look)
    function look() {
      if (!isDone()) return
      stop()
      resolve()
    }
  })
}

async function openAll({ documents }) {
  for (let i = 0; i < documents; i++) {
    const handle = await database.open(pathOf(i))
    if (!handle.current.title.endsWith('!')) throw new Error(`document ${i} is not whole`)
    handles.push(handle)
  }
}
