import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { hasPlaceholder, unwrittenTexts } from './placeholders.mjs'
import { members, workspaceRoot } from './workspace.mjs'

function template(file: string): string {
  return readFileSync(path.join(workspaceRoot, 'tools/templates', `${file}.tmpl`), 'utf8')
}

it('knows each sentence that the templates leave to the author', () => {
  for (const kind of ['package', 'transport']) {
    const [, description] = /"description": "(.*)"/.exec(template(`${kind}/package.json`)) ?? []
    expect(hasPlaceholder(description ?? '')).toBe(true)
    expect(hasPlaceholder(template(`${kind}/src/index.ts`))).toBe(true)
    // One at a time: a README in which only one is left is not written either.
    const readme = template(`${kind}/README.md`)
    const left = readme.split('\n\n').filter((part) => hasPlaceholder(part))
    expect(left).toHaveLength(kind === 'package' ? 5 : 3)
  }
})

it('takes no package that is written for one that is not', () => {
  const { dir, manifest } = members().find(({ folder }) => folder === 'packages/topic') ?? {}
  expect(unwrittenTexts(dir, manifest)).toEqual([])
})
