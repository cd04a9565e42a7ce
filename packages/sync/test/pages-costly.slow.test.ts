import { hasChromium, type TestBrowser } from '@vudo/chromium'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { costlyLength, costlySpace, openBrowser, pageOf, patient } from './pages-lab.ts'

describe.skipIf(!hasChromium)('pages with a costly document', () => {
  let browser: TestBrowser
  let space: Uint8Array

  beforeAll(async () => {
    browser = await openBrowser()
    space = await costlySpace()
  }, 120_000)

  afterAll(() => browser.close())

  it.each(['shared', 'dedicated'])(
    'open it in a worker of its own first, go on meanwhile, and stop it when it takes too long (%s)',
    async (kind) => {
      const fine = await pageOf(browser, { kind, store: `costly-${kind}` })
      const imported = await fine.call('importSpace', space)
      expect(imported.refused).toEqual([])
      // Opened in the page, it would have been one or two.
      expect(imported.turns).toBeGreaterThan(50)
      expect(await fine.call('textLength', 'notes/costly')).toBe(costlyLength)
      await fine.close()
      const strict = await pageOf(browser, { kind, store: `strict-${kind}`, maxVettingMs: 100 })
      const { refused } = await strict.call('importSpace', space)
      expect(refused).toEqual(['it takes more than 100 ms of CPU to open'])
      await strict.call('add', 'notes/x', 'goes on')
      await strict.call('saved', 'notes/x')
      await strict.close()
    },
    120_000,
  )

  it('lend their workers for it, another one when the first crashes', async () => {
    const init = { kind: 'shared', store: 'lost-thread' }
    const [host, lender] = [await pageOf(browser, init), await pageOf(browser, init)]
    const importing = host.call('importSpace', space)
    await expect.poll(() => lender.call('workersStarted'), patient).toBe(1)
    expect(await host.call('workersStarted')).toBe(0)
    await lender.crash()
    expect((await importing).refused).toEqual([])
    expect(await host.call('workersStarted')).toBe(1)
    expect(await host.call('textLength', 'notes/costly')).toBe(costlyLength)
    await Promise.all([host.close(), lender.close()])
  }, 60_000)
})
