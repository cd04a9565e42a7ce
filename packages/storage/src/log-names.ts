import { readdir } from 'node:fs/promises'
import { syncDirectory } from './atomic-file.ts'
import type { LogNames } from './database.ts'
import { MIN_LOG_BYTES, MEMTABLE_ENTRY_BYTES } from './limits.ts'

/**
 * Sees to it that a log file has a durable name before anything in it is acknowledged.
 *
 * LevelDB begins a new log when its memory table is full (4 MiB), syncs what it writes
 * into it, and syncs the directory only when the table is on the disk: for that long a
 * power cut could take the file with synced records in it, on file systems where
 * syncing a new file does not make its name durable. Looking costs a listing of the
 * directory, and only where a new log is possible.
 *
 * @param records - Where LevelDB's files lie; they are durable now.
 */
export async function watchLogNames(records: string): Promise<LogNames> {
  let known = await newestLog(records)
  let bytesSince = 0
  return {
    async settle(count, bytes) {
      const added = bytes + count * MEMTABLE_ENTRY_BYTES
      bytesSince += added
      if (bytesSince < MIN_LOG_BYTES) return
      const newest = await newestLog(records)
      if (newest === known) return
      await syncDirectory(records)
      known = newest
      // This batch is the first of the new log.
      bytesSince = added
    },
    suspect() {
      bytesSince = MIN_LOG_BYTES
    },
  }
}

async function newestLog(records: string): Promise<string> {
  const logs = (await readdir(records)).filter((name) => name.endsWith('.log'))
  // Of fixed width until there are a million, and longer ones are newer.
  return logs.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1)).at(-1) ?? ''
}
