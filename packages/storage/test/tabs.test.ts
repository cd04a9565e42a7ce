/** Stores of several tabs, of a tab that crashes, and of a browser that starts again. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium, openChromium, type TestBrowser, type TestPage } from '@vudo/chromium'
import type * as page from './store-page.ts'

type StorePage = TestPage<typeof page>

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

describe.skipIf(!hasChromium)('a store in a browser', () => {
  let browser: TestBrowser
  const tab = (): Promise<StorePage> => browser.open<typeof page>()

  beforeAll(async () => {
    browser = await openChromium(new URL('./store-page.ts', import.meta.url))
  }, 120_000)

  afterAll(() => browser.close())

  it('keeps what was acknowledged when its page is loaded anew, again and again', async () => {
    const one = await tab()
    for (const round of upTo(5)) {
      // The page meets the end of its former self, which still owned the store.
      expect(await one.call('open', 'reload')).toBe('relaxed')
      expect(await one.call('keys')).toEqual(upTo(round * 100))
      expect(await one.call('write', (round + 1) * 100, 100, 10)).toBeTypeOf('number')
      await one.reload()
    }
    await one.close()
  })

  it('keeps it when the browser starts again', async () => {
    const before = await tab()
    await before.call('open', 'restart')
    await before.call('write', 1_000, 100, 1)
    await browser.restart()
    const after = await tab()
    expect(await after.call('open', 'restart')).toBe('relaxed')
    expect(await after.call('keys')).toEqual(upTo(1_000))
    await after.close()
  })

  it('is refused to a second tab, until the first one closes it', async () => {
    const [one, other] = [await tab(), await tab()]
    expect(await one.call('open', 'tabs')).toBe('relaxed')
    await one.call('write', 10, 10, 1)
    expect(await other.call('open', 'tabs')).toBe('ERR_STORE_LOCKED')
    expect(await other.call('open', 'another')).toBe('relaxed')
    await one.call('close')
    expect(await other.call('openWhenFree', 'tabs')).toBe('relaxed')
    expect(await other.call('keys')).toEqual(upTo(10))
    expect(await one.call('open', 'tabs')).toBe('ERR_STORE_LOCKED')
    await Promise.all([one.close(), other.close()])
  })

  it.each(['crash', 'close'] as const)(
    'is free after a %s of its tab, with all that it acknowledged',
    async (end) => {
      const name = `ends by ${end}`
      const [one, other] = [await tab(), await tab()]
      await one.call('open', name)
      await one.call('writeForEver')
      await one.page.waitForFunction(() => Number(document.title) >= 100)
      const acknowledged = Number(await one.page.title())
      await one[end]()
      expect(await other.call('openWhenFree', name)).toBe('relaxed')
      const found = await other.call('keys')
      expect(found).toEqual(upTo(found.length))
      expect(found.length).toBeGreaterThanOrEqual(acknowledged)
      await other.close()
    },
  )

  it('says so when the site may store no more, and goes on when there is room', async () => {
    // Chromium remembers for half a minute how much room there was.
    await browser.restart()
    const one = await tab()
    const session = await browser.context.newCDPSession(one.page)
    const { origin } = browser
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 10_000_000 })
    await one.call('open', 'full')
    expect(await one.call('write', 100, 10_000, 10)).toBeTypeOf('number')
    expect(await one.call('write', 500, 100_000, 10)).toBe('ERR_STORE_FULL')
    // All of a write or nothing, and what was acknowledged before is there.
    const kept = await one.call('keys')
    expect(kept.length % 10).toBe(0)
    expect(kept).toEqual(expect.arrayContaining(upTo(100)))
    await session.send('Storage.overrideQuotaForOrigin', { origin })
    expect(await one.call('write', 500, 10_000, 10)).toBeTypeOf('number')
    expect(await one.call('keys')).toEqual(upTo(500))
    await one.close()
  })

  it('fails when the user removes the data of the site, and is empty when it is opened again', async () => {
    const one = await tab()
    await one.call('open', 'removed')
    await one.call('write', 10, 10, 1)
    const session = await browser.context.newCDPSession(one.page)
    const { origin } = browser
    await session.send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb' })
    expect(await one.call('write', 20, 10, 1)).toBe('ERR_STORE_FAILED')
    await expect(one.call('keys')).rejects.toThrow('the browser failed while reading')
    await one.call('close')
    expect(await one.call('open', 'removed')).toBe('relaxed')
    expect(await one.call('keys')).toEqual([])
    await one.close()
  })

  it.each([
    ['denied', 'refused'],
    ['granted', 'granted'],
  ])('tells what the browser says of storage that stays: %s', async (setting, said) => {
    const one = await tab()
    const session = await browser.context.newCDPSession(one.page)
    await session.send('Browser.setPermission', {
      origin: browser.origin,
      permission: { name: 'persistent-storage' },
      setting: setting as 'denied',
    })
    expect(await one.call('requestPersistence')).toBe(said)
    await one.close()
  })
})
