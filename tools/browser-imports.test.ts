/** Holds every package that claims it to running in browsers, and plants one mistake after the other in a package of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { browserMistakes, inBrowsers } from './browser-imports.mjs'
import { workspaceRoot } from './workspace.mjs'

it.each(inBrowsers)('%s needs nothing of Node in a browser', (name) => {
  expect(browserMistakes(path.join(workspaceRoot, 'packages', name))).toEqual([])
})

describe('in a package of its own', () => {
  let root: string
  let dir: string

  function write(file: string, content: string | object): void {
    const target = path.join(root, file)
    mkdirSync(path.dirname(target), { recursive: true })
    writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content))
  }

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'vudo-browser-'))
    dir = path.join(root, 'packages/topic')
    write('packages/topic/package.json', {
      name: '@vudo/topic',
      type: 'module',
      imports: { '#disk': { browser: './src/disk.browser.ts', default: './src/disk.ts' } },
      exports: {
        '.': { browser: './src/index.browser.ts', default: './src/index.ts' },
        './disk': { node: './src/disk.ts' },
        './package.json': './package.json',
      },
    })
    write('packages/topic/src/index.ts', `import 'node:fs'`)
    write('packages/topic/src/disk.ts', `import 'node:fs'; process.exit()`)
    write('packages/topic/src/disk.browser.ts', `export const disk = 1`)
    write('packages/topic/src/index.browser.ts', `import '#disk'; import './inner.ts'`)
    write('packages/topic/src/inner.ts', `export {}`)
  })

  afterEach(() => {
    rmSync(root, { recursive: true })
  })

  function mistakesWith(inner: string): string[] {
    write('packages/topic/src/inner.ts', inner)
    return browserMistakes(dir)
  }

  const way = 'packages/topic/src/index.browser.ts > packages/topic/src/inner.ts'

  it('follows the conditions of exports and imports, and leaves out what browsers do not get', () => {
    expect(browserMistakes(dir)).toEqual([])
    write('packages/topic/src/disk.browser.ts', `import './disk.ts'`)
    expect(browserMistakes(dir)).toHaveLength(2)
  })

  it.each([
    ['static', `import { open } from 'node:fs'`],
    ['bare', `import 'node:fs'`],
    ['without the prefix', `import { open } from 'fs'`],
    ['re-export', `export * from 'node:fs'`],
    ['dynamic', `export const load = () => import('node:fs')`],
    // The import stays, with nothing in the braces.
    ['all names types', `import { type Stats } from 'node:fs'`],
  ])('finds an import of Node: %s', (_name, inner) => {
    const found = /node:fs/.test(inner) ? 'node:fs' : 'fs'
    expect(mistakesWith(inner)).toEqual([`${way}: imports ${found}, which browsers do not have`])
  })

  it.each([
    ['Buffer', `export const a = () => Buffer.alloc(1)`],
    ['Buffer', `export const a = [Buffer]`],
    ['process', `export const a = { process }`],
    ['process', `export const a = process.env['A']`],
    ['process', `export const a = typeof process === 'object' && process.pid`],
    ['setImmediate', `setImmediate(() => undefined)`],
    ['__dirname', `export const a = __dirname as string`],
    ['unref()', `setTimeout(() => undefined, 1).unref()`],
  ])('finds %s in a file of ours: %s', (name, inner) => {
    const file = 'packages/topic/src/inner.ts'
    expect(mistakesWith(inner)).toEqual([`${file}: uses ${name}, which browsers do not have`])
  })

  it.each([
    `import type { Stats } from 'node:fs'; export type A = Stats`,
    `export type { Stats } from 'node:fs'`,
    `export type A = import('node:fs').Stats`,
    `export type A = Buffer | NodeJS.Process`,
    `export function a(b: unknown): b is Buffer { return b !== 'Buffer' }`,
    `// Buffer, process and node:fs\nexport const a = 'import "node:fs"'`,
    `export const a = { process: 1, Buffer() { return this.process } }.process`,
    `declare const process: undefined`,
    `setTimeout(() => undefined, 1).unref?.()`,
  ])('is content with %s', (inner) => {
    expect(mistakesWith(inner)).toEqual([])
  })

  it('looks into workers', () => {
    write('packages/topic/src/worker.ts', `import 'node:fs'`)
    const worker = `new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })`
    expect(mistakesWith(worker)).toEqual([
      `${way} > packages/topic/src/worker.ts: imports node:fs, which browsers do not have`,
    ])
    expect(mistakesWith(`new URL('./picture.png', import.meta.url)`)).toEqual([])
  })

  describe('and its dependencies', () => {
    const dependency = 'packages/topic/node_modules/dependency'
    const used = `import 'dependency'`

    it('looks into what a browser gets of them, CommonJS as well', () => {
      write(`${dependency}/package.json`, { main: './index.js', browser: { './a.js': './b.js' } })
      write(`${dependency}/index.js`, `require('./a')`)
      write(`${dependency}/a.js`, `require('fs')`)
      write(`${dependency}/b.js`, ``)
      expect(mistakesWith(used)).toEqual([])
      write(`${dependency}/b.js`, `require('fs'); process.nextTick(() => {})`)
      expect(mistakesWith(used)).toEqual([
        expect.stringMatching(/b\.js: uses process/),
        expect.stringMatching(/dependency\/b\.js: imports fs/),
      ])
    })

    it('takes their word where they ask or bring their own', () => {
      write(`${dependency}/package.json`, { exports: './index.js', browser: { fs: false } })
      write(`${dependency}/index.js`, `typeof process === 'object' && process.pid; require('fs')`)
      expect(mistakesWith(used)).toEqual([])
      write(`${dependency}/index.js`, `const { Buffer } = require('./own'); Buffer.alloc(1)`)
      write(`${dependency}/own.js`, `exports.Buffer = { alloc() {} }`)
      expect(mistakesWith(used)).toEqual([])
    })

    it('says so when one is not there, or not for browsers', () => {
      expect(mistakesWith(used)).toEqual([expect.stringContaining('imports dependency, which')])
      write(`${dependency}/package.json`, { exports: { node: './index.js' } })
      write(`${dependency}/index.js`, ``)
      expect(mistakesWith(used)).toEqual([expect.stringContaining('imports dependency, which')])
    })
  })

  it('a package without an entry for browsers is a mistake', () => {
    write('packages/topic/package.json', { exports: { '.': { node: './src/index.ts' } } })
    expect(browserMistakes(dir)).toEqual(['packages/topic has no entry for browsers'])
  })
})
