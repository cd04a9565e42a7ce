import { isMap } from './control/protocol.ts'

/**
 * The text of a document that is a text and nothing else, as `import` and `write --text`
 * make it; `undefined` for every other content. A document with more fields than `text`
 * would lose them in its text form.
 */
export function plainText(value: unknown): string | undefined {
  if (!isMap(value) || Object.keys(value).length !== 1) return undefined
  return typeof value['text'] === 'string' ? value['text'] : undefined
}
