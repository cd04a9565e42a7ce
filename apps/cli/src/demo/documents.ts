import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { ControlClient } from '../control/client.ts'
import { isMap } from '../control/protocol.ts'
import { unreadable } from '../file-errors.ts'

/** Folders that hold what others wrote or what is made from the sources. */
const leftOut = new Set(['node_modules', 'dist', 'coverage', 'api', 'vectors'])

/** The Markdown files below `folder`, as paths relative to it with `/`, sorted. */
export async function markdownFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(folder, cause)
  })
  const found = await Promise.all(
    entries.map(async (entry) => {
      if (entry.name.startsWith('.') || leftOut.has(entry.name)) return []
      if (entry.isFile()) return entry.name.endsWith('.md') ? [entry.name] : []
      if (!entry.isDirectory()) return []
      const below = await markdownFiles(path.join(folder, entry.name))
      return below.map((file) => `${entry.name}/${file}`)
    }),
  )
  return found.flat().toSorted()
}

/** Writes `files` of `folder` into a node, each as a text document below `repository/`. */
export async function importFiles(
  node: ControlClient,
  folder: string,
  files: readonly string[],
): Promise<void> {
  await Promise.all(
    files.map(async (file) => {
      const text = await readFile(path.join(folder, file), 'utf8')
      await node.call('write', { path: documentPath(file), value: { text } })
    }),
  )
}

/** Where the demo keeps a file. */
export function documentPath(file: string): string {
  return `repository/${file}`
}

/** The documents of a node: two nodes agree when theirs are equal. */
export interface Histories {
  /** One line a document: its path and heads. */
  readonly lines: readonly string[]
  /** The changes in all of them. */
  readonly changes: number
}

/** What a node has below `repository/`. */
export async function historiesOf(node: ControlClient): Promise<Histories> {
  const answer = await node.call('histories', { prefix: 'repository' })
  const documents = (Array.isArray(answer) ? answer : []).filter(isMap)
  return {
    lines: documents.map((entry) => `${String(entry['path'])} ${JSON.stringify(entry['heads'])}`),
    changes: documents.reduce((sum, { changes }) => sum + Number(changes), 0),
  }
}

/** The text of a document at a node. */
export async function textAt(node: ControlClient, file: string): Promise<string> {
  const value = await node.call('read', { path: documentPath(file) })
  return isMap(value) ? String(value['text']) : ''
}
