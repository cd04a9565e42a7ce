import { parsePath } from '@vudo/sync'
import { REMOVED_TOGETHER } from './limits.ts'
import { DIRECTORY_MARK, nodeOf, trimPath, type DirNode, type DocNode } from './nodes.ts'
import { configuredDatabase } from './sync-engine.ts'

/**
 * What lies at a path, with what lies directly below it. It asks nobody: the list of all
 * paths is in memory.
 *
 * @param path - `/notes/today`; slashes at the ends mean nothing. `/` is the topmost directory.
 * @returns `undefined` when there is nothing.
 * @throws `KeepsyncError` `ERR_ENGINE_NOT_CONFIGURED`; `SyncError` `ERR_PATH_INVALID`, `ERR_DATABASE_CLOSED`.
 */
export async function ls(path: string): Promise<DocNode | undefined> {
  const place = canonical(path)
  return nodeOf(place, await configuredDatabase().ls(place))
}

/**
 * Makes a directory, and those above it; nothing happens when it is there. Settles when it is durable.
 *
 * @throws `KeepsyncError` `ERR_ENGINE_NOT_CONFIGURED`; `SyncError` as `Database.writeDoc`.
 */
export async function mkDir(path: string): Promise<DirNode> {
  const place = canonical(path)
  const database = configuredDatabase()
  if (place !== '') await database.writeDoc(`${place}/${DIRECTORY_MARK}`, {})
  const node = nodeOf(place, await database.ls(place))
  return node?.type === 'dir'
    ? node
    : { type: 'dir', name: place.split('/').at(-1) ?? '', children: node?.children ?? [] }
}

/**
 * Removes what lies at a path for everybody: the document, and everything below it.
 *
 * @returns false when there was nothing.
 * @throws `KeepsyncError` `ERR_ENGINE_NOT_CONFIGURED`; `SyncError` as `Database.remove`.
 */
export async function rm(path: string): Promise<boolean> {
  const place = canonical(path)
  const database = configuredDatabase()
  const paths = (await database.ls(place)).map((entry) => entry.path)
  for (let at = 0; at < paths.length; at += REMOVED_TOGETHER) {
    const some = paths.slice(at, at + REMOVED_TOGETHER)
    await Promise.all(some.map((one) => database.remove(one)))
  }
  return paths.length > 0
}

/**
 * A copy of the content of the document at a path, or `undefined` when there is none.
 *
 * @throws `KeepsyncError` `ERR_ENGINE_NOT_CONFIGURED`; `SyncError` as `Database.readDoc`.
 */
export async function readDoc<T extends object>(path: string): Promise<T | undefined> {
  return configuredDatabase().readDoc<T>(trimPath(path))
}

/**
 * Makes the content of the document at a path equal to `content`, changing only what differs,
 * so that what others edit elsewhere in it survives; begins it when there is none. Settles
 * when it is durable.
 *
 * @throws `KeepsyncError` `ERR_ENGINE_NOT_CONFIGURED`; `SyncError` as `Database.writeDoc`.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- applications name the type, as in keepsync
export async function writeDoc<T extends object>(path: string, content: T): Promise<void> {
  await configuredDatabase().writeDoc(trimPath(path), content)
}

function canonical(path: string): string {
  const place = trimPath(path)
  return place === '' ? '' : parsePath(place)
}
