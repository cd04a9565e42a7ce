/** Tests of several pages, driven from here. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium, hasChromium, openChromium, type TestBrowser } from '@vudo/chromium'
import type * as page from './page.ts'

type Page = typeof page

describe.skipIf(!hasChromium)('pages of one browser', () => {
  let browser: TestBrowser

  beforeAll(async () => {
    browser = await openChromium(new URL('./page.ts', import.meta.url))
  }, 120_000)

  afterAll(() => browser.close())

  it('run what the sources say, for browsers, with wasm and workers', async () => {
    const page = await browser.open<Page>()
    expect(await page.call('which')).toBe('browser')
    expect(await page.call('automergeText', 'written')).toBe('written')
    expect(await page.call('askWorker', 'hello')).toBe('worker: hello')
    expect(page.errors).toEqual([])
    await page.close()
  })

  it('share an origin', async () => {
    const [one, other] = [await browser.open<Page>(), await browser.open<Page>()]
    expect(await one.call('countInSharedWorker')).toBe(1)
    expect(await other.call('countInSharedWorker')).toBe(2)
    await one.call('remember', 'name', 'value')
    expect(await other.call('remembered', 'name')).toBe('value')
    await Promise.all([one.close(), other.close()])
  })

  it('tell of errors, of those that nobody catches too', async () => {
    const page = await browser.open<Page>()
    await expect(page.call('fail')).rejects.toThrow('told to fail')
    const failure = page.page.waitForEvent('pageerror')
    await page.call('failLater')
    await failure
    expect(page.errors).toEqual([expect.stringContaining('RangeError: told to fail')])
    await page.close()
  })

  it('crash one by one, and load again', async () => {
    const [one, other] = [await browser.open<Page>(), await browser.open<Page>()]
    await one.call('remember', 'crash', 'survives')
    await other.crash()
    await one.reload()
    expect(await one.call('remembered', 'crash')).toBe('survives')
    await Promise.all([one.close(), other.close()])
  })

  it('keep what they stored when the browser starts again', async () => {
    const before = await browser.open<Page>()
    await before.call('remember', 'restart', 'survives')
    await browser.restart()
    const after = await browser.open<Page>()
    expect(await after.call('remembered', 'restart')).toBe('survives')
    await after.close()
  })

  it('reach their own server and nothing else', async () => {
    const page = await browser.open<Page>()
    expect(await page.call('reaches', `${browser.origin}/page.js`)).toBe(true)
    // Chromium itself knows that this name is the loopback interface: only the rule stands in between.
    const byName = browser.origin.replace('127.0.0.1', 'other.localhost')
    expect(await page.call('reaches', `${byName}/page.js`)).toBe(false)
    await page.close()
  })
})

describe('the browser', () => {
  it.skipIf(!hasChromium)('leaves no folder and no process', async () => {
    const browser = await openChromium(new URL('./page.ts', import.meta.url))
    const { folder } = browser
    const processId = await processOf(browser)
    expect(await readdir(folder)).not.toEqual([])
    expect(isRunning(processId)).toBe(true)
    await browser.close()
    await expect(readdir(folder)).rejects.toThrow('ENOENT')
    expect(isRunning(processId)).toBe(false)
  })

  it('is the one that VUDO_CHROMIUM names', async () => {
    expect(findChromium({ VUDO_CHROMIUM: process.execPath })).toEqual({ path: process.execPath })
    expect(() => findChromium({ VUDO_CHROMIUM: '/nowhere/chromium' })).toThrow('/nowhere/chromium')
  })

  it('is missing for a reason', () => {
    expect(findChromium({ VUDO_CHROMIUM: 'none' })).toEqual({ missing: 'VUDO_CHROMIUM=none' })
  })

  it.skipIf(process.platform !== 'linux')('is looked for in the PATH', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'vudo-path-'))
    try {
      expect(findChromium({ PATH: folder }).missing).toContain('no Chromium')
      await writeFile(path.join(folder, 'google-chrome'), '')
      expect(findChromium({ PATH: folder })).toEqual({ path: path.join(folder, 'google-chrome') })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

async function processOf(browser: TestBrowser): Promise<number> {
  const session = await browser.context.browser()?.newBrowserCDPSession()
  const answer = await session?.send('SystemInfo.getProcessInfo')
  return answer?.processInfo.find(({ type }) => type === 'browser')?.id ?? Number.NaN
}

function isRunning(processId: number): boolean {
  try {
    // Signal 0 only asks.
    return process.kill(processId, 0)
  } catch {
    return false
  }
}
