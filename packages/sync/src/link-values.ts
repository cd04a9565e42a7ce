import * as Automerge from '@automerge/automerge'
import { SyncError } from './errors.ts'
import { receiveError, sendError } from './link-errors.ts'
import { MAX_VALUE_DEPTH } from './limits.ts'
import type { PackedValue, ValueMark } from './link-messages.ts'

/* Values between threads: a structured clone makes counters, immutable texts and errors plain. */

/** Lists and objects in which the values of a document may lie when they cross. */
const WRAPPING_DEPTH = 8

/**
 * A copy that survives a structured clone.
 *
 * @throws `SyncError` `ERR_VALUE_UNSUPPORTED` for what no document holds.
 */
export function packValue(value: unknown): PackedValue {
  const marks: ValueMark[] = []
  return { value: pack(value, [], marks), marks }
}

/** The value again. What is given is used up. */
export function unpackValue({ value, marks }: PackedValue): unknown {
  const root = { value }
  for (const mark of marks) {
    const place = ['value', ...mark.place]
    const key = place.pop() ?? 'value'
    const parent = place.reduce<unknown>((inner, step) => Reflect.get(Object(inner), step), root)
    Reflect.set(Object(parent), key, instanceOf(mark, Reflect.get(Object(parent), key)))
  }
  return root.value
}

function pack(value: unknown, place: readonly (string | number)[], marks: ValueMark[]): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw unsupported(place, `is a ${typeof value}`)
  }
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return value.slice()
  if (value instanceof Date) return value
  if (Automerge.isCounter(value)) {
    marks.push({ place, kind: 'counter', value: value.value })
    return null
  }
  if (Automerge.isImmutableString(value)) {
    marks.push({ place, kind: 'immutable-string', value: value.toString() })
    return null
  }
  if (value instanceof Error) {
    marks.push({ place, kind: 'error', value: sendError(value) })
    return null
  }
  if (place.length > MAX_VALUE_DEPTH + WRAPPING_DEPTH) throw unsupported(place, 'is too deep')
  if (Array.isArray(value)) {
    return Array.from(value, (item: unknown, index) => pack(item, [...place, index], marks))
  }
  if (value instanceof Map) {
    const pairs = pack([...value], place, marks)
    // After what lies in it, which is found while its pairs are a list.
    marks.push({ place, kind: 'map' })
    return pairs
  }
  if (!isPlain(value)) throw unsupported(place, 'is an object of a class')
  const entries = Object.entries(value).map(([key, item]: [string, unknown]) => {
    return [key, pack(item, [...place, key], marks)] as const
  })
  return Object.fromEntries(entries)
}

/** @param sent - What crossed in its place. */
function instanceOf(mark: ValueMark, sent: unknown): unknown {
  switch (mark.kind) {
    case 'map':
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other end has made it of a map
      return new Map(sent as [unknown, unknown][])
    case 'counter':
      return new Automerge.Counter(mark.value)
    case 'immutable-string':
      return new Automerge.ImmutableString(mark.value)
    case 'error':
      return receiveError(mark.value)
    default:
      return mark satisfies never
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function unsupported(place: readonly (string | number)[], what: string): SyncError {
  const where = place.join('.').slice(0, 128)
  return new SyncError('ERR_VALUE_UNSUPPORTED', `the value at ${where} ${what}`, {
    hint: 'documents hold null, booleans, numbers, texts, dates, bytes, counters, lists and plain objects',
  })
}
