/** Holds the generated pages to the sources, and tries the generator on a small workspace of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generatedPages, outdatedPages } from './generated-pages.mjs'
import { workspaceRoot } from './workspace.mjs'

describe('the pages of this repository', () => {
  const { pages, mistakes } = generatedPages(workspaceRoot)

  it('are up to date', () => {
    expect(outdatedPages(workspaceRoot, pages)).toEqual([])
  })

  it('have a sentence for every code and every limit', () => {
    expect(mistakes).toEqual([])
  })
})

describe('the generator', () => {
  let root: string

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'vudo-pages-'))
  })

  afterEach(() => {
    rmSync(root, { recursive: true })
  })

  function write(file: string, text: string): void {
    const target = path.join(root, file)
    mkdirSync(path.dirname(target), { recursive: true })
    writeFileSync(target, text)
  }

  function pagesOf(
    file: 'errors.ts' | 'limits.ts',
    text: string,
  ): ReturnType<typeof generatedPages> {
    write('packages/tide/package.json', '{ "name": "@vudo/tide" }')
    write(`packages/tide/src/${file}`, text)
    return generatedPages(root)
  }

  it('reads unions of any form, and the code of a class', () => {
    const { pages, mistakes } = pagesOf(
      'errors.ts',
      `/** Reasons. */
export type TideErrorCode =
  /** The water
   * is {@link low}. */
  | 'ERR_LOW'
  /** It is high. */
  | 'ERR_HIGH'

export type OneCode =
  /** Alone. */
  'ERR_ALONE'

/** What waves throw. */
export class WaveError extends Error {
  declare readonly code: 'ERR_WAVE'
}
`,
    )
    expect(mistakes).toEqual([])
    expect(pages['docs/errors.md'].split('\n').filter((line) => /^(## |- )/.test(line))).toEqual([
      '## ERR_ALONE',
      '- `@vudo/tide`: Alone.',
      '## ERR_HIGH',
      '- `@vudo/tide`: It is high.',
      '## ERR_LOW',
      '- `@vudo/tide`: The water is `low`.',
      '## ERR_WAVE',
      '- `@vudo/tide`: What waves throw.',
    ])
  })

  it('reads constants of any type, on one line or on several', () => {
    const { pages, mistakes } = pagesOf(
      'limits.ts',
      `/** Header of the file. */

/** Bytes | at most. */
export const MAX_BYTES: number = 1_000

/** When, in milliseconds. */
export const AT_MS: readonly [1, 2] = [
  1,
  2,
]
const inner = 3
`,
    )
    expect(mistakes).toEqual([])
    expect(pages['docs/limits.md']).toContain('| `MAX_BYTES` | `1_000` | Bytes \\| at most. |')
    expect(pages['docs/limits.md']).toContain('| `AT_MS` | `[ 1, 2, ]` | When, in milliseconds. |')
    expect(pages['docs/limits.md']).not.toContain('inner')
  })

  it('finds a code without a sentence', () => {
    const { mistakes } = pagesOf(
      'errors.ts',
      `/** Reasons. */
export type Code = 'ERR_FIRST'
  /** Said. */
  | 'ERR_SAID'
  | 'ERR_SILENT'
`,
    )
    expect(mistakes).toEqual([
      'packages/tide/src/errors.ts: ERR_FIRST has no comment that says what it means',
      'packages/tide/src/errors.ts: ERR_SILENT has no comment that says what it means',
    ])
  })

  it('finds a limit without a comment, also below the header of the file', () => {
    const text =
      '/** Header of the file. */\n\nexport const MAX_WAVES = 3\n// Not documentation.\nexport const MAX_FOAM = 4\n'
    expect(pagesOf('limits.ts', text).mistakes).toEqual([
      'packages/tide/src/limits.ts: MAX_WAVES has no comment that says what it means',
      'packages/tide/src/limits.ts: MAX_FOAM has no comment that says what it means',
    ])
  })

  it('sees that a page is missing or out of date', () => {
    const { pages } = pagesOf('limits.ts', '/** Said. */\nexport const MAX_WAVES = 3\n')
    write('docs/errors.md', pages['docs/errors.md'])
    expect(outdatedPages(root, pages)).toEqual(['docs/limits.md is out of date: npm run fix'])
  })
})
