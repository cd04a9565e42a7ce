import * as Automerge from '@automerge/automerge'
import type { AnyDocument } from './document-state.ts'

/** Applies a patch inside a change. Automerge's own function takes away from lists and texts only. */
export function applyPatchTo(root: AnyDocument, patch: Automerge.Patch): void {
  const key = patch.path.at(-1)
  if (patch.action !== 'del' || typeof key !== 'string') return Automerge.applyPatch(root, patch)
  const parent = valueAtPath(root, patch.path.slice(0, -1))
  if (typeof parent === 'object' && parent !== null) Reflect.deleteProperty(parent, key)
}

/** What lies at a path of keys and indexes; `undefined` when nothing does. */
export function valueAtPath(root: unknown, path: readonly Automerge.Prop[]): unknown {
  return path.reduce<unknown>((value, key) => {
    return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  }, root)
}
