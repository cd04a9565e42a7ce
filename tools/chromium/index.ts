/**
 * Tests that drive real Chromium from Node: several pages of one origin, reloads, crashes, a
 * browser that starts again with what it has kept. What a page runs is a module of the test:
 *
 *   import type * as tab from './store-page.ts'
 *
 *   const browser = await openChromium(new URL('./store-page.ts', import.meta.url))
 *   const page = await browser.open<typeof tab>()
 *   await page.call('put', 'key', 'value')
 *
 * Tests that need one page only are `*.browser.test.ts` files, which vitest runs inside it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium, type BrowserContext, type Page } from 'playwright'
import { bundleForBrowsers } from './bundle.ts'
import { chromiumArguments, findChromium } from './find.ts'
import { serveFiles, type FileServer } from './serve.ts'

export { bundleForBrowsers, type BundledFiles } from './bundle.ts'
export { findChromium, type FoundChromium } from './find.ts'

/** Whether tests can run in a browser here; the run says why not where they cannot. */
export const hasChromium: boolean = findChromium().path !== undefined

/** A running browser with a folder of its own, and the server of its pages. Who opens it closes it. */
export interface TestBrowser {
  /** Where its pages are served. */
  readonly origin: string
  /** Its profile, a temporary folder. */
  readonly folder: string
  /** Playwright's context, for what is not here: permissions, for example. Another one after {@link restart}. */
  readonly context: BrowserContext
  /** A new tab with the module in it, which has been loaded. */
  open<Module>(): Promise<TestPage<Module>>
  /** Ends the browser and starts it again with the same folder: all pages are gone, what they stored is there. */
  restart(): Promise<void>
  /** Ends the browser, removes its folder, ends the server. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

type Functions<Module> = {
  [
    Name in keyof Module as Module[Name] extends (...args: never[]) => unknown ? Name : never
  ]: Module[Name]
}
type Call<Value> = Value extends (...args: infer Arguments) => infer Result
  ? { arguments: Arguments; result: Awaited<Result> }
  : never

/** A tab. */
export interface TestPage<Module> {
  /** Playwright's page, for what is not here. */
  readonly page: Page
  /** What nobody caught in the page so far, as text. */
  readonly errors: readonly string[]
  /** Calls an exported function of the module in the page. Arguments and result are copied: plain data and byte arrays. */
  call<Name extends keyof Functions<Module> & string>(
    name: Name,
    ...args: Call<Module[Name]>['arguments']
  ): Promise<Call<Module[Name]>['result']>
  /** Loads the page anew, as a user does. */
  reload(): Promise<void>
  /** Ends the tab's process as a crash does: nothing in it runs any more. */
  crash(): Promise<void>
  /** Closes the tab without asking it. */
  close(): Promise<void>
}

/**
 * Bundles the module at `entry`, serves it on the loopback interface and starts Chromium.
 *
 * @throws `Error` where there is no Chromium: see {@link hasChromium}.
 */
export async function openChromium(entry: URL): Promise<TestBrowser> {
  const { path: executablePath, missing } = findChromium()
  if (executablePath === undefined) throw new Error(missing)
  const server = await serveFiles(await bundleForBrowsers(entry))
  const folder = await mkdtemp(path.join(tmpdir(), 'vudo-chromium-'))
  const browser = new DrivenBrowser(executablePath, folder, server)
  try {
    await browser.start()
  } catch (error) {
    await browser.close()
    throw error
  }
  return browser
}

class DrivenBrowser implements TestBrowser {
  readonly #executablePath: string
  readonly folder: string
  readonly #server: FileServer
  #context: BrowserContext | undefined

  constructor(executablePath: string, folder: string, server: FileServer) {
    this.#executablePath = executablePath
    this.folder = folder
    this.#server = server
  }

  get origin(): string {
    return this.#server.origin
  }

  get context(): BrowserContext {
    if (this.#context === undefined) throw new Error('the browser is closed')
    return this.#context
  }

  async start(): Promise<void> {
    // Of a folder and not private, so that what pages store is on the disk.
    this.#context = await chromium.launchPersistentContext(this.folder, {
      executablePath: this.#executablePath,
      args: chromiumArguments(),
      headless: true,
      handleSIGHUP: false,
    })
  }

  async open<Module>(): Promise<TestPage<Module>> {
    const page = await this.context.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.stack ?? String(error)))
    await page.goto(this.origin)
    return drivenPage<Module>(page, errors)
  }

  async restart(): Promise<void> {
    await this.#context?.close()
    await this.start()
  }

  async close(): Promise<void> {
    try {
      await this.#context?.close()
      this.#context = undefined
    } finally {
      await this.#server.close()
      // The last of its processes may still be writing there.
      await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function drivenPage<Module>(page: Page, errors: readonly string[]): TestPage<Module> {
  return {
    page,
    errors,
    call: (name, ...args) => page.evaluate(callInPage, { name, args }),
    reload: async () => {
      await page.reload()
    },
    crash: async () => {
      const crashed = page.waitForEvent('crash')
      const session = await page.context().newCDPSession(page)
      // Never answered: there is nobody left.
      session.send('Page.crash').catch(() => undefined)
      await crashed
    },
    close: () => page.close({ runBeforeUnload: false }),
  }
}

/** Runs in the page. */
// oxlint-disable-next-line typescript/no-explicit-any -- what it gives depends on what is called
async function callInPage({ name, args }: { name: string; args: unknown[] }): Promise<any> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- serve.ts puts it there
  const { page } = globalThis as unknown as {
    page: Promise<Record<string, (...args: unknown[]) => unknown>>
  }
  return (await page)[name]?.(...args)
}
