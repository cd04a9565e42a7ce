/** Ours in the sync benches: a database of `@vudo/sync` in a directory, over `@vudo/transport-tcp`. */
import process from 'node:process'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import { createAuthorKey, createNodeKey } from '@vudo/identity'
import { createNetwork } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { openStore } from '@vudo/storage'
import { openDatabase, splice } from '@vudo/sync'
import { createTransport } from '@vudo/transport'
import '@vudo/transport-tcp'
import { content, laterEdits } from '../support/sync-documents.mjs'
import { meterChannels, nowMs, quiet, usage } from '../support/sync-meter.mjs'
import { answer, residentKiB } from '../support/workers.mjs'

await meterChannels()

const ticket = { id: 'bench', secret: new Uint8Array(32).fill(7) }
const author = createAuthorKey()
let store
let network
let database
let hubId
const handles = []

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
  /** Edits some of the documents again. */
  async edit({ directory, documents }) {
    await open(directory)
    for (const i of documents) {
      const handle = await database.open(pathOf(i))
      for (const edit of laterEdits) handle.change(edit)
      await handle.close()
    }
  },
  async start({ directory, openDocuments = 0 }) {
    const startedMs = nowMs()
    await goOnline()
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
  begin: () => openText({ text: '' }),
  async join({ address, text: isReader }) {
    hubId = await network.connectPeer(address)
    await database.whenSynced({ with: hubId })
    if (isReader) await openText({ text: '' })
  },
  arm,
  seen: () => seen.promise,
  type,
  async close() {
    for (const handle of handles) await handle.close()
    await database?.close()
    await network?.stop()
    await store?.close()
  },
  exit: () => process.exit(),
})

function pathOf(i) {
  return `notes/${String(i).padStart(6, '0')}`
}

async function goOnline() {
  const key = createNodeKey()
  const config = {
    mode: 'tcp',
    port: 0,
    bindAddress: '127.0.0.1',
    maxConnections: 1_000,
    maxNewConnectionsPerSecond: 1_000,
  }
  const transports = [createTransport(config, createTransportContext(key))]
  network = createNetwork({ key, transports })
  await network.start()
  await network.join(ticket)
}

async function open(directory) {
  store = await openStore({ directory })
  database = await openDatabase({ id: ticket.id, store, author, network })
}

async function openAll({ documents }) {
  for (let i = 0; i < documents; i++) {
    const handle = await database.open(pathOf(i))
    if (!handle.current.title.endsWith('!')) throw new Error(`document ${i} is not whole`)
    handles.push(handle)
  }
}

let text
let seen = Promise.withResolvers()
let wanted = 0
let base = 0
let times = []

async function openText(initial) {
  text = await database.open('notes/text', initial)
  handles.push(text)
  text.subscribe(look)
}

function arm({ count }) {
  seen = Promise.withResolvers()
  base = text.current.text.length
  times = []
  wanted = count
}

function look() {
  if (wanted === 0) return
  const arrived = Math.min(text.current.text.length - base, wanted)
  while (times.length < arrived) times.push(nowMs())
  if (times.length < wanted) return
  wanted = 0
  seen.resolve(times)
}

/** Types so many characters; a rate of 0 is as fast as the event loop allows. */
async function type({ count, rate }) {
  const sent = []
  for (let i = 0; i < count; i++) {
    sent.push(nowMs())
    text.change((doc) => splice(doc, ['text'], doc.text.length, 0, 'x'))
    await (rate > 0 ? pause(1_000 / rate) : turn())
  }
  return sent
}
