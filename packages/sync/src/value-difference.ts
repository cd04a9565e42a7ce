import * as Automerge from '@automerge/automerge'
import { SyncError } from './errors.ts'
import { MAX_VALUE_DEPTH } from './limits.ts'

type MapProxy = Record<string, unknown>
type Place = MapProxy | unknown[]

/**
 * Changes a document's map until it equals `wanted`, touching only what differs, so
 * that what others edit meanwhile elsewhere in it survives. Call it inside a change.
 *
 * @param root - What `change` gave.
 * @param target - The same again, as the map that it is.
 * @throws `SyncError` `ERR_VALUE_UNSUPPORTED`.
 */
export function writeDifference(
  root: object,
  target: Record<string, unknown>,
  wanted: object,
): void {
  writeMap({ root, path: [] }, target, wanted)
}

/** As {@link writeDifference} for the keys of `wanted` only; others stay. */
export function writeKeys(target: MapProxy, wanted: object): void {
  for (const [key, value] of Object.entries(wanted)) {
    if (value === undefined) throw notAllowed([key])
    writeAt({ root: target, path: [] }, { place: target, key }, value)
  }
}

interface Where {
  readonly root: object
  readonly path: readonly Automerge.Prop[]
}

function writeMap(where: Where, target: MapProxy, wanted: object): void {
  if (where.path.length > MAX_VALUE_DEPTH) throw tooDeep()
  for (const key of Object.keys(target)) if (!Object.hasOwn(wanted, key)) delete target[key]
  for (const [key, value] of Object.entries(wanted)) {
    if (value === undefined) throw notAllowed([...where.path, key])
    writeAt(where, { place: target, key }, value)
  }
}

/** Lists are compared by position; what is common at both ends stays untouched. */
function writeList(where: Where, target: unknown[], wanted: readonly unknown[]): void {
  if (where.path.length > MAX_VALUE_DEPTH) throw tooDeep()
  const shared = Math.min(target.length, wanted.length)
  let start = 0
  while (start < shared && isSame(target[start], wanted[start])) start++
  let end = 0
  while (end < shared - start && isSame(target.at(-1 - end), wanted.at(-1 - end))) end++
  const [oldMiddle, newMiddle] = [target.length - start - end, wanted.length - start - end]
  const both = Math.min(oldMiddle, newMiddle)
  for (let index = start; index < start + both; index++) {
    writeAt(where, { place: target, key: index }, wanted[index])
  }
  if (oldMiddle > both) Automerge.deleteAt(target, start + both, oldMiddle - both)
  if (newMiddle > both) {
    const added = wanted.slice(start + both, start + newMiddle)
    if (added.includes(undefined)) throw notAllowed(where.path)
    Automerge.insertAt(target, start + both, ...added)
  }
}

function writeAt(
  where: Where,
  { place, key }: { readonly place: Place; readonly key: string | number },
  value: unknown,
): void {
  const old = Reflect.get(place, key)
  const path = [...where.path, key]
  if (typeof old === 'string' && typeof value === 'string') {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Automerge's own type of a document is too narrow for any document
    if (old !== value) Automerge.updateText(where.root, path, value)
  } else if (Array.isArray(old) && Array.isArray(value)) writeList({ ...where, path }, old, value)
  else if (isMap(old) && isMap(value)) writeMap({ ...where, path }, old, value)
  else if (Automerge.isCounter(old) && Automerge.isCounter(value)) {
    // Adding the difference keeps what others add; a new counter would drop it.
    const counter: { increment?: (by: number) => unknown } = old
    if (old.value !== value.value) counter.increment?.(value.value - old.value)
  } else if (!isSame(old, value)) Reflect.set(place, key, value)
}

/** Tells whether a value is a plain object, and none that stands for one value. */
export function isMap(value: unknown): value is MapProxy {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array) &&
    !Automerge.isCounter(value) &&
    !Automerge.isImmutableString(value)
  )
}

/** Deep equality of values that a document can hold. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime()
  if (a instanceof Uint8Array) return b instanceof Uint8Array && isSameList([...a], [...b])
  if (Automerge.isCounter(a)) return Automerge.isCounter(b) && a.value === b.value
  if (Automerge.isImmutableString(a)) {
    return Automerge.isImmutableString(b) && a.toString() === b.toString()
  }
  if (Array.isArray(a)) return Array.isArray(b) && isSameList(a, b)
  if (!isMap(a) || !isMap(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => isSame(item, b[index]))
}

function tooDeep(): SyncError {
  return new SyncError('ERR_VALUE_UNSUPPORTED', `the value is deeper than ${MAX_VALUE_DEPTH}`)
}

function notAllowed(path: readonly Automerge.Prop[]): SyncError {
  return new SyncError('ERR_VALUE_UNSUPPORTED', `the value at ${path.join('.')} is undefined`, {
    hint: 'leave the key out, or use null',
  })
}
