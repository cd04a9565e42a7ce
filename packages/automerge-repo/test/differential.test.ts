import type { DocumentHandle } from '@vudo/sync'
import { expect, test, vi } from 'vitest'
import { directions, runScripts, type Flaw } from './differential-lab.ts'

vi.setConfig({ testTimeout: 120_000 })

test.each(directions)(
  '%s end with the same, whatever they edit on- and offline',
  async (_name, start) => {
    await expect(runScripts(start, { numRuns: 2 })).resolves.toBeUndefined()
  },
)

/** Of the messages of a stock peer some are not read, or of ours some are not sent. */
function losing(side: 'receive' | 'generate'): Flaw {
  return (database, isEditing) => {
    let count = 0
    const isLost = (message: Uint8Array | undefined): boolean =>
      isEditing() && message !== undefined && message.length > 150 && ++count % 4 === 0
    const openById = database.openById.bind(database)
    const withFlaw = async (documentId: string): Promise<DocumentHandle<object> | undefined> => {
      const handle = await openById(documentId)
      if (!handle) return undefined
      const begin = handle.foreignSync.bind(handle)
      vi.spyOn(handle, 'foreignSync').mockImplementation((options) => {
        const foreign = begin(options)
        const original = {
          receive: foreign.receive.bind(foreign),
          generate: foreign.generate.bind(foreign),
        }
        vi.spyOn(foreign, 'receive').mockImplementation((message) => {
          if (side !== 'receive' || !isLost(message)) original.receive(message)
        })
        vi.spyOn(foreign, 'generate').mockImplementation(() => {
          const message = original.generate()
          return side === 'generate' && isLost(message) ? undefined : message
        })
        return foreign
      })
      return handle
    }
    vi.spyOn(database, 'openById').mockImplementation(withFlaw)
  }
}

test.each([
  ['receive', ...directions[0]],
  ['generate', ...directions[1]],
] as const)('a planted bug in "%s" is found: %s', async (side, _name, start) => {
  const run = runScripts(start, { numRuns: 10, flaw: losing(side), withinMs: 3_000 })
  const message: unknown = expect.stringMatching(/lacks some of \d+ changes/)
  await expect(run).rejects.toMatchObject({ cause: { message } })
})
