import { SCAN_PAGE_BYTES, SCAN_PAGE_RECORDS } from './limits.ts'

/** Records of the first page of a scan over a database that counts records and not bytes. */
export const firstPageRecords = 16

/** As many records as a page has room for, if the next ones are as large as these. */
export function nextPage(page: number, entries: readonly [Uint8Array, Uint8Array][]): number {
  const bytes = entries.reduce((sum, [key, value]) => sum + key.byteLength + value.byteLength, 0)
  if (bytes <= SCAN_PAGE_BYTES / 2) return Math.min(page * 2, SCAN_PAGE_RECORDS)
  return bytes > SCAN_PAGE_BYTES ? Math.max(1, Math.floor(page / 2)) : page
}
