import { createAuthorKey } from '@vudo/identity'
import { openStore } from '@vudo/storage/browser'
import { openDatabase, type Database } from '@vudo/sync'

/** What the worker of the bench `browser-tabs` has. */
export async function openEngine(): Promise<Database> {
  return openDatabase({
    id: 'bench',
    store: await openStore({ name: self.name }),
    author: createAuthorKey(),
  })
}
