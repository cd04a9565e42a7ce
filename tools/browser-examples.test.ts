/** Runs the example of docs/workers.md in Chromium: its page, its worker, its engine. */
import { expect, it } from 'vitest'
import type * as notes from '../docs/examples/browser/notes-page.ts'
import { hasChromium, openChromium, type TestPage } from './chromium/index.ts'

type Notes = typeof notes

/** Adds a line in a page, and tells what its note says then. */
function addLine({ page }: TestPage<Notes>, line: string): Promise<readonly string[]> {
  return page.evaluate(async (added) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the harness puts it there
    const { page: loading } = globalThis as unknown as { page: Promise<Notes> }
    const database = await (await loading).connectNotes('')
    const note = await database.open<{ lines: string[] }>('notes/today', { lines: [] })
    note.change(({ lines }) => lines.push(added))
    await note.whenSaved()
    return [...note.current.lines]
  }, line)
}

it.skipIf(!hasChromium)(
  'the example of docs/workers.md keeps notes in a browser, for all its tabs',
  async () => {
    await using browser = await openChromium(
      new URL('../docs/examples/browser/notes-page.ts', import.meta.url),
    )
    const [one, other] = [await browser.open<Notes>(), await browser.open<Notes>()]
    // As often as it is tried: the store is not left locked.
    for (let left = 2; left > 0; left--) {
      await expect(one.call('connectNotes', 'no url')).rejects.toThrow('relayUrl is "no url"')
    }
    expect(await addLine(one, 'of one tab')).toEqual(['of one tab'])
    expect(await addLine(other, 'of another')).toEqual(['of one tab', 'of another'])
    expect(['granted', 'refused']).toContain(await one.call('keepNotes'))
    await browser.restart()
    const later = await browser.open<Notes>()
    const lines = ['of one tab', 'of another', 'a day later']
    expect(await addLine(later, 'a day later')).toEqual(lines)
    expect(later.errors).toEqual([])
  },
  120_000,
)
