/** What kind of value each option takes: checked before anything is read, because JavaScript callers have no compiler. */
import { TransportError } from '@vudo/transport'
import { nearestName } from './nearest-name.ts'
import { optionTable, type Kind } from './option-table.ts'

/**
 * Checks that every option exists and holds the right kind of value.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`.
 */
export function checkTypes(options: unknown): void {
  checkFields('options', options, '')
}

/** The error for an option that is wrong. Never quotes an object, which may hold anything. */
export function invalid(field: string, value: unknown, expected: string): TransportError {
  return new TransportError(
    'ERR_CONFIG_INVALID',
    `${field} is ${shown(value)}, expected ${expected}`,
    { hint: `change or leave out ${field}` },
  )
}

/** Tells whether `value` has the members of a contract: what it does not say about them shows when they are called. */
export function hasMethods(value: unknown, names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => typeof Reflect.get(value, name) === 'function')
}

/** Names of options directly in the group whose name and dot is `prefix`. */
export function optionNames(prefix: string): string[] {
  return Object.keys(optionTable)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((name) => !name.includes('.'))
}

/** The error for a name that is none. */
export function unknownName(name: string, what: string, known: readonly string[]): TransportError {
  const nearest = nearestName(name, known)
  return new TransportError(
    'ERR_CONFIG_INVALID',
    `${shown(name)} is not ${what}, expected one of ${known.join(', ')}`,
    {
      hint:
        nearest === undefined
          ? 'correct the name, or leave it out'
          : `did you mean ${JSON.stringify(nearest)}?`,
    },
  )
}

function checkFields(name: string, values: unknown, prefix: string): void {
  if (!isObject(values) || Array.isArray(values)) throw invalid(name, values, 'an object')
  for (const [field, value] of Object.entries(values)) {
    const path = prefix + field
    // A dotted key is no path: `{ 'discovery.port': 1 }` means nothing.
    const row =
      Object.hasOwn(optionTable, path) && !field.includes('.') ? optionTable[path] : undefined
    if (row === undefined) {
      const known = optionNames(prefix).map((one) => prefix + one)
      throw unknownName(path, 'an option', known)
    }
    if (value === undefined) continue
    if (!isOfKind(value, row.kind)) {
      throw invalid(path, value, `a ${row.kind}`.replace('a object', 'an object'))
    }
    checkRange(path, value, row.range)
    if (row.kind === 'object') checkFields(path, value, `${path}.`)
  }
}

function checkRange(
  path: string,
  value: unknown,
  range: readonly [number, number] | undefined,
): void {
  if (range === undefined || typeof value !== 'number') return
  const [least, most] = range
  const isWhole = Number.isInteger(value) || least % 1 !== 0
  if (isWhole && value >= least && value <= most) return
  throw invalid(path, value, `a ${least % 1 === 0 ? 'whole ' : ''}number from ${least} to ${most}`)
}

function isOfKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'list of strings':
      return isListOf(value, (one) => typeof one === 'string')
    case 'list of objects':
      return isListOf(value, isObject)
    case 'list of strings or functions':
      return isListOf(value, (one) => typeof one === 'string' || typeof one === 'function')
    case 'object':
      return isObject(value)
    case 'boolean or object':
      return typeof value === 'boolean' || isObject(value)
    case 'boolean or bytes':
      return typeof value === 'boolean' || value instanceof Uint8Array
    default:
      return typeof value === kind
  }
}

/** `Array.from` gives holes a value; `every` alone would skip them. */
function isListOf(value: unknown, isElement: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && Array.from(value).every(isElement)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** How a value is named in a message: short, and without calling code of its own. */
function shown(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value)
  }
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}
