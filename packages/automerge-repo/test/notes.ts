/** A database and its server for tests. */
import {
  createAutomergeRepoServer,
  type AutomergeRepoServer,
  type AutomergeRepoServerInit,
} from '@vudo/automerge-repo'
import { createAuthorKey } from '@vudo/identity'
import { openMemoryStore } from '@vudo/storage'
import { openDatabase, type Database, type Policy } from '@vudo/sync'
import { onTestFinished } from 'vitest'

export interface Note {
  title?: string
  lines: string[]
}

export async function openNotes(policy?: Policy): Promise<Database> {
  const store = await openMemoryStore()
  const database = await openDatabase({ id: 'notes', store, author: createAuthorKey(), policy })
  onTestFinished(async () => {
    await database.close()
    await store.close()
  })
  return database
}

export async function serve(
  database: Database,
  init: Partial<AutomergeRepoServerInit> = {},
): Promise<AutomergeRepoServer> {
  const server = await createAutomergeRepoServer({ database, ...init })
  onTestFinished(() => server.close())
  return server
}
