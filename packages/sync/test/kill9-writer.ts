/** Writes without end and prints what was acknowledged: killed by kill9.test.ts. Arguments: directory, round. */
import process from 'node:process'
import { openStore } from '@vudo/storage'
import { openDatabase } from '@vudo/sync'
import { keyOf } from './replica-lab.ts'

const [directory = '', round = ''] = process.argv.slice(2)
const store = await openStore({ directory })
const database = await openDatabase({ id: 'kill9', store, author: keyOf('writer') })
const log = await database.open('log/entries', { entries: [] as string[] })
for (let at = 0; ; at++) {
  const entry = `${round}.${at}`
  log.change((doc) => doc.entries.push(entry))
  await log.whenSaved()
  process.stdout.write(`${entry}\n`)
}
