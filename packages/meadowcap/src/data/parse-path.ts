import { componentsOfText } from './path-text.ts'
import { pathOfBytes, type Path } from './path.ts'

/**
 * The path written as `/blog/idea` or `blog/idea`: the components stand between
 * slashes, as UTF-8; `%` and two hex digits is any byte, `%2f` a slash. The empty
 * text is the empty path; a slash at the end adds an empty component.
 *
 * @throws `MeadowcapError` `ERR_PATH_LIMIT` above the limits of Willow'25,
 *   `ERR_WILLOW_ENCODING` when a `%` is not followed by two hex digits.
 * @throws `TypeError` when the text has half a surrogate pair.
 */
export function parsePath(text: string): Path {
  return pathOfBytes(componentsOfText(text))
}
