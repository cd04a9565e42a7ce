/** What a page loads: a module and all that it imports, bundled as the bundler of an application would do it. */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Rolldown } from 'vite'

/** The files of a bundle by their path on the server; `/page.js` has the exports of the module. */
export type BundledFiles = ReadonlyMap<string, string | Uint8Array>

const root = path.resolve(import.meta.dirname, '../..')

/**
 * Bundles `entry` for browsers: the condition `browser` holds in `exports` and `imports`, and
 * `new Worker(new URL('./x.ts', import.meta.url), { type: 'module' })` becomes a file of its own,
 * as does wasm.
 *
 * @param isMinified - Smaller, as applications ship it; otherwise errors name what the sources name.
 */
export async function bundleForBrowsers(entry: URL, isMinified = false): Promise<BundledFiles> {
  const built = await build({
    root,
    configFile: false,
    envFile: false,
    logLevel: 'error',
    publicDir: false,
    worker: { format: 'es' },
    build: {
      // Automerge loads its wasm in a top-level await.
      target: 'es2022',
      write: false,
      minify: isMinified,
      assetsInlineLimit: 0,
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: fileURLToPath(entry),
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: 'page.js' },
      },
    },
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without `watch` there is no watcher
  const outputs = (Array.isArray(built) ? built : [built]) as Rolldown.RolldownOutput[]
  return new Map(
    outputs
      .flatMap(({ output }) => output)
      .map((file) => [`/${file.fileName}`, file.type === 'chunk' ? file.code : file.source]),
  )
}
