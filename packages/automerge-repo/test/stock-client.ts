/**
 * A stock automerge-repo client in a process of its own: finds a document on a server, adds
 * a line, and prints the document whenever it changes until it has so many lines.
 *
 * `node stock-client.ts <url of the server> <url of the document> <line> <lines>`
 */
import { isValidAutomergeUrl, Repo } from '@automerge/automerge-repo'
import { WebSocketClientAdapter } from '@automerge/automerge-repo-network-websocket'
import process from 'node:process'

const [server = '', url = '', line = '', lines = '0'] = process.argv.slice(2)
if (!isValidAutomergeUrl(url)) throw new Error(`${url} is no automerge: URL`)
const repo = new Repo({ network: [new WebSocketClientAdapter(server)] })
const handle = await repo.find<{ lines: string[] }>(url)
handle.change((doc) => doc.lines.push(line))
const isDone = (): boolean => handle.doc().lines.length >= Number(lines)
const { promise, resolve } = Promise.withResolvers<void>()
handle.on('change', () => isDone() && resolve())
if (isDone()) resolve()
await promise
process.stdout.write(JSON.stringify(handle.doc().lines.toSorted()))
// What it has may be on its way still: automerge-repo cannot say so.
setTimeout(() => process.exit(0), 300)
