/** Pages of Chromium with engines in their workers, and what they get to do. */
import { openChromium, type TestBrowser, type TestPage } from '@vudo/chromium'
import { createAuthorKey } from '@vudo/identity'
import { openMemoryStore } from '@vudo/storage'
import { openDatabase, VET_FIRST_OPERATIONS } from '@vudo/sync'
import { createRandom } from '@vudo/testing'
import { expect } from 'vitest'
import type * as pages from './browser/pages-page.ts'

export type Pages = typeof pages

/** What `browser/pages-engine.ts` takes. */
export interface Asked {
  readonly kind: string
  readonly store: string
  readonly relayUrl?: string
  readonly maxVettingMs?: number
}

/** A busy machine is no failure. */
export const patient = { timeout: 20_000 }

export function openBrowser(): Promise<TestBrowser> {
  return openChromium(new URL('./browser/pages-page.ts', import.meta.url))
}

/** A tab that works with the database of its worker. */
export async function pageOf(browser: TestBrowser, asked: Asked): Promise<TestPage<Pages>> {
  const page = await browser.open<Pages>()
  expect(await page.call('connect', { ...asked })).toBe('connected')
  return page
}

/** Operations beyond which a document is opened in a thread first. */
export const costlyLength = VET_FIRST_OPERATIONS + 1_000

/** A file with such a document: random letters, each of them an operation. */
export async function costlySpace(): Promise<Uint8Array> {
  const random = createRandom(7)
  const letters = Array.from({ length: costlyLength }, () => {
    return String.fromCharCode(97 + random.int(26))
  })
  const store = await openMemoryStore()
  const database = await openDatabase({ id: 'db', store, author: createAuthorKey() })
  try {
    await database.writeDoc('notes/costly', { text: letters.join('') })
    return await database.exportSpace()
  } finally {
    await database.close()
    await store.close()
  }
}
