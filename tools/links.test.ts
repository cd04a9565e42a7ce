/** Every relative link in a Markdown file leads to a file or folder of the repository. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { markdownFiles } from './fences.mjs'
import { workspaceRoot } from './workspace.mjs'

/** The targets of `[text](target)` in prose: what stands in a code block or in backticks is no link. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => (target ? [target] : []))
}

const links: { file: string; link: string }[] = markdownFiles(workspaceRoot).flatMap(
  (file: string) =>
    linksOf(readFileSync(path.join(workspaceRoot, file), 'utf8'))
      .filter((link) => !/^(https?:|mailto:|#)/.test(link))
      .map((link) => ({ file, link: link.replace(/#.*$/, '') })),
)

it('finds links at all', () => {
  expect(links.length).toBeGreaterThan(10)
  expect(linksOf('[a](b.md) `[c](d)`\n```ts\n[e](f)\n```')).toEqual(['b.md'])
})

it.each(links)('$file: $link', ({ file, link }) => {
  // Made by `npm run verify`, and not kept.
  if (link.startsWith('docs/api')) return
  expect(existsSync(path.join(workspaceRoot, path.dirname(file), link))).toBe(true)
})
