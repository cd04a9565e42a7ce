/** Finds what `npm run new` left to be written: sentences that only the author of a package knows. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** Words of tools/templates. Each stands for what the author has to say. */
const placeholders = [
  /^One sentence: /m,
  /Use it\*\* when …/,
  /^What is bounded, and what an attacker can and cannot do\.$/m,
  /^One screen at most\.$/m,
  /^The paper or standard, the wire format\.$/m,
  /How the far\s+end's key is proven, and what an observer of the medium sees\.$/m,
]

/** The texts of the package in `dir` in which a placeholder is left, by name. */
export function unwrittenTexts(dir, { description = '' }) {
  const texts = [['the description in package.json', description]]
  for (const name of ['README.md', 'src/index.ts']) {
    const file = path.join(dir, name)
    if (existsSync(file)) texts.push([name, readFileSync(file, 'utf8')])
  }
  return texts.filter(([, text]) => hasPlaceholder(text)).map(([name]) => name)
}

/** Tells whether a text still has words of a template; those of a comment begin with an asterisk. */
export function hasPlaceholder(text) {
  const words = text.replaceAll(/^ \* /gm, '')
  return placeholders.some((placeholder) => placeholder.test(words))
}
