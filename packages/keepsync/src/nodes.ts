import type { CatalogueEntry } from '@vudo/sync'

/** What lies at a path: a document, a directory, or both, as one path may be both here. */
export type DocNode = FileNode | DirNode

/** A document. */
export interface FileNode {
  readonly type: 'doc'
  /** The last segment of its path. */
  readonly name: string
  /** Its `automerge:` URL. */
  readonly pointer: string
  /** What lies below it, if anything; sorted by name. */
  readonly children?: readonly RefNode[]
}

/** A directory: it is there while something lies below it, or since `mkDir` until `rm`. */
export interface DirNode {
  readonly type: 'dir'
  /** The last segment of its path; `/` for the topmost one. */
  readonly name: string
  /** What lies in it, sorted by name. */
  readonly children: readonly RefNode[]
}

/** One entry of a directory. */
export interface RefNode {
  readonly type: 'doc' | 'dir'
  readonly name: string
  /** The `automerge:` URL of a document; a directory has none. */
  readonly pointer?: string
}

/** The document that makes a directory without content be there; two devices that make the same one share it. */
export const DIRECTORY_MARK = '.directory'

/** A path as the database writes it: slashes at its ends mean nothing here. */
export function trimPath(path: string): string {
  return path.replaceAll(/^\/+|\/+$/g, '')
}

/** The node at a path, out of all entries at and below it; `undefined` when there is nothing. */
export function nodeOf(path: string, entries: readonly CatalogueEntry[]): DocNode | undefined {
  const own = entries.find((entry) => entry.path === path)
  const children = childrenOf(path, entries)
  const name = path.split('/').at(-1) ?? ''
  if (own) {
    const file: FileNode = { type: 'doc', name, pointer: own.documentId }
    return children.length > 0 ? { ...file, children } : file
  }
  if (path === '') return { type: 'dir', name: '/', children }
  // A mark alone is a directory without content.
  return entries.length > 0 ? { type: 'dir', name, children } : undefined
}

function childrenOf(path: string, entries: readonly CatalogueEntry[]): RefNode[] {
  const start = path === '' ? 0 : path.length + 1
  const refs = new Map<string, RefNode>()
  for (const { path: place, documentId } of entries) {
    if (place.length <= start) continue
    const [name = '', ...more] = place.slice(start).split('/')
    if (more.length > 0) {
      if (!refs.has(name)) refs.set(name, { type: 'dir', name })
    } else if (name !== DIRECTORY_MARK) {
      refs.set(name, { type: 'doc', name, pointer: documentId })
    }
  }
  return [...refs.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
