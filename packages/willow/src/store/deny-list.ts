import { areaIncludesEntry, areasEqual, type Area, type Entry } from '@vudo/meadowcap'
import { bytesEqual } from '@vudo/wire'
import { willowError } from '../errors.ts'
import { MAX_DENY_RULES } from '../limits.ts'
import { bytesToText } from './place.ts'
import type { DenyRule } from './store.ts'

/** What must not come in. */
export class DenyList {
  readonly #areas: Area[] = []
  readonly #digests = new Map<string, Uint8Array>()

  constructor(rules: readonly DenyRule[]) {
    for (const rule of rules) this.add(rule)
  }

  get rules(): readonly DenyRule[] {
    const digests = [...this.#digests.values()].map((payloadDigest) => ({ payloadDigest }))
    return [...this.#areas.map((area) => ({ area })), ...digests]
  }

  has(rule: DenyRule): boolean {
    if (rule.area) return this.#areas.some((area) => areasEqual(area, rule.area))
    return this.#digests.has(bytesToText(rule.payloadDigest))
  }

  /** @throws `WillowError` `ERR_DENY_LIMIT`. */
  assertRoom(): void {
    const count = this.#areas.length + this.#digests.size
    if (count < MAX_DENY_RULES) return
    throw willowError('ERR_DENY_LIMIT', `there are ${count} deny rules, at most that many`)
  }

  add(rule: DenyRule): void {
    if (rule.area) this.#areas.push(rule.area)
    else this.#digests.set(bytesToText(rule.payloadDigest), rule.payloadDigest.slice())
  }

  remove(rule: DenyRule): void {
    if (rule.payloadDigest) this.#digests.delete(bytesToText(rule.payloadDigest))
    else
      this.#areas.splice(
        this.#areas.findIndex((area) => areasEqual(area, rule.area)),
        1,
      )
  }

  denies(entry: Entry): boolean {
    return (
      this.#areas.some((area) => areaIncludesEntry(area, entry)) ||
      (this.#digests.size > 0 && this.#digests.has(bytesToText(entry.payloadDigest)))
    )
  }
}

/** Tells whether an entry is of a namespace. */
export function isOfNamespace(entry: Entry, namespaceId: Uint8Array): boolean {
  return entry.namespaceId === namespaceId || bytesEqual(entry.namespaceId, namespaceId)
}
