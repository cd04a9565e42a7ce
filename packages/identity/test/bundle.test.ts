/** What a bundler for browsers makes of this package. */
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { bundleForBrowsers } from '@vudo/chromium'

async function bundleOf(page: string): Promise<string> {
  const files = await bundleForBrowsers(new URL(page, import.meta.url), true)
  return String(files.get('/page.js'))
}

it('holds nothing of Node, and what it weighs is known', async () => {
  const code = await bundleOf('whole-page.ts')
  expect(code).not.toMatch(/node:|\bBuffer\b|externalized for browser/)
  expect(code).toContain('ERR_SEAL_INVALID')
  // 25 kB in November 2026.
  expect(gzipSync(code).length).toBeLessThan(30_000)
})

it('cannot have key files: there are none in a browser', async () => {
  await expect(bundleOf('key-file-page.ts')).rejects.toThrow(/key-file.*not exported/)
})
