import {
  decodeCapability,
  encodeCapability,
  isMeadowcapError,
  type McCapability,
} from '@vudo/meadowcap'
import { base32ToBytes, bytesToBase32, isWireError } from '@vudo/wire'
import { willowError } from '../errors.ts'
import { MAX_CAPABILITY_TEXT_CHARACTERS } from '../limits.ts'

const prefix = 'willowcap1'

/**
 * A capability as one word, to be sent by mail or shown as a code. It is no secret: only the
 * holder of the key that it was granted to can use it. It does tell paths and keys.
 */
export function capabilityToText(capability: McCapability): string {
  return prefix + bytesToBase32(encodeCapability(capability))
}

/**
 * The capability of such a word; spaces around it do no harm. It is not verified.
 *
 * @throws `WillowError` `ERR_CAPABILITY_TEXT`.
 */
export function capabilityFromText(text: string): McCapability {
  const word = text.trim()
  if (!word.startsWith(prefix)) throw notOne(`it does not begin with ${prefix}`)
  if (word.length > MAX_CAPABILITY_TEXT_CHARACTERS) {
    throw notOne(
      `it has ${word.length} characters, at most ${MAX_CAPABILITY_TEXT_CHARACTERS} are allowed`,
    )
  }
  try {
    return decodeCapability(base32ToBytes(word.slice(prefix.length)))
  } catch (error) {
    if (isWireError(error) || isMeadowcapError(error)) throw notOne('it is damaged', error)
    throw error
  }
}

function notOne(why: string, cause?: Error): Error {
  return willowError('ERR_CAPABILITY_TEXT', `the text is no capability: ${why}`, { cause })
}
