/** The project `browser` of vitest: `*.browser.test.ts` files, each in a page of Chromium. */
import type { TestProjectInlineConfiguration } from 'vitest/config'
import { chromiumArguments, findChromium } from './find.ts'

/**
 * Runs `include` in Chromium; where there is none, each of the files counts as skipped and the
 * run says why.
 */
export async function browserProject(include: string[]): Promise<TestProjectInlineConfiguration> {
  const { path: executablePath, missing } = findChromium()
  if (executablePath === undefined) return skippingProject(include, missing)
  // Not loaded where nobody needs it.
  const { playwright } = await import('@vitest/browser-playwright')
  return {
    extends: true,
    // The development server would rewrite Automerge and lose its wasm.
    optimizeDeps: { exclude: ['@automerge/automerge'] },
    worker: { format: 'es' },
    test: {
      name: 'browser',
      include,
      api: { host: '127.0.0.1', port: 0 },
      testTimeout: 30_000,
      hookTimeout: 30_000,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions: { executablePath, args: chromiumArguments() } }),
        instances: [{ browser: 'chromium' }],
      },
    },
  }
}

function skippingProject(include: string[], missing: string): TestProjectInlineConfiguration {
  console.warn(`Tests in browsers are skipped: ${missing}`)
  return {
    extends: true,
    plugins: [
      {
        name: 'vudo:skip-browser-tests',
        enforce: 'pre',
        load: (id) =>
          id.endsWith('.browser.test.ts')
            ? `import { it } from 'vitest'; it.skip(${JSON.stringify(missing)}, () => {})`
            : undefined,
      },
    ],
    test: { name: 'browser', include },
  }
}
