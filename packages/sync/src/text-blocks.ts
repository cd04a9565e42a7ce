import * as Automerge from '@automerge/automerge'
import type { AnyDocument } from './document-state.ts'

/** The character that stands for a block in a text; it may also be one that somebody wrote. */
const blockCharacter = '\u{FFFC}'

/**
 * The blocks of a text of an open document: maps that lie in the text beside its
 * characters, where its value as a text does not show them.
 *
 * @param text - The value at `path`.
 */
export function blocksOf(
  doc: AnyDocument,
  path: readonly Automerge.Prop[],
  text: string,
): readonly object[] {
  // Almost no text has any, and looking at all parts of a long one takes long.
  if (!text.includes(blockCharacter)) return []
  return Automerge.spans(doc, [...path]).flatMap((span) =>
    span.type === 'block' ? [span.value] : [],
  )
}
