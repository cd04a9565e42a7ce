/** Serves the files of a page on the loopback interface, at an origin of their own. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { BundledFiles } from './bundle.ts'

/** A server; who starts it closes it. */
export interface FileServer {
  /** Its origin, `http://127.0.0.1:<port>`: a secure context, as browsers count it. */
  readonly origin: string
  close(): Promise<void>
}

const types: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
}

/** Hands its module's exports to whoever drives the page. */
const page = `<!doctype html><meta charset="utf-8"><title>test</title><link rel="icon" href="data:,">
<script type="module">
globalThis.page = import('/page.js')
</script>`

/** Serves `files`, and at `/` a page that loads `/page.js`. */
export async function serveFiles(files: BundledFiles): Promise<FileServer> {
  const server = createServer((request, response) => {
    const name = new URL(request.url ?? '/', 'http://127.0.0.1').pathname
    const body = name === '/' ? page : files.get(name)
    const type = name === '/' ? '.html' : path.extname(name)
    response.statusCode = body === undefined ? 404 : 200
    response.setHeader('content-type', types[type] ?? 'application/octet-stream')
    response.end(body)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a string only for named pipes
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
