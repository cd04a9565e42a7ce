import type { CatalogueRecord } from './catalogue-record.ts'
import { documentIdToUrl } from './document-id.ts'
import { collectionOf, parsePath } from './paths.ts'
import type { CatalogueEntry } from './sync-types.ts'

/** The prefix of a list: a path, with a slash behind it or not, or nothing for all. @throws `SyncError` `ERR_PATH_INVALID`. */
export function parsePrefix(prefix: string): string {
  return prefix === '' ? '' : parsePath(prefix.replace(/\/$/, ''))
}

/** A record as the application sees it. */
export function entryOf({
  path,
  documentId,
  generation,
  state,
  author,
}: CatalogueRecord): CatalogueEntry {
  const collection = collectionOf(path)
  return { path, collection, documentId: documentIdToUrl(documentId), generation, state, author }
}
