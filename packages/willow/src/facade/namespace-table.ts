import { bytesToHex } from '@vudo/wire'
import { willowError } from '../errors.ts'
import { MAX_OPEN_NAMESPACES } from '../limits.ts'
import type { OpenNamespace } from './open-namespace.ts'
import { idBytes, type IdLike } from './text-forms.ts'

/** The namespaces that are open, by their ids in hex; each is opened once. */
export class NamespaceTable {
  readonly #open = new Map<string, OpenNamespace>()
  /** Those that are being opened, so that two calls open one. */
  readonly #opening = new Map<string, Promise<OpenNamespace>>()

  get ids(): readonly string[] {
    return [...this.#open.keys()]
  }

  /** Those that are open at this moment. */
  all(): readonly OpenNamespace[] {
    return [...this.#open.values()]
  }

  /** The namespace with this id; `undefined` when it is not open. */
  get(id: string): OpenNamespace | undefined {
    return this.#open.get(id)
  }

  /**
   * Opens a namespace unless it is open.
   *
   * @param open - Called when nobody else opens it already.
   * @throws `WillowError` `ERR_NAMESPACE_LIMIT`; what `open` throws.
   */
  async open(id: string, open: () => Promise<OpenNamespace>): Promise<void> {
    if (this.#open.has(id)) return
    const isKnown = this.#opening.has(id)
    if (!isKnown && this.#open.size + this.#opening.size >= MAX_OPEN_NAMESPACES) {
      throw willowError('ERR_NAMESPACE_LIMIT', `${MAX_OPEN_NAMESPACES} namespaces are open`)
    }
    const opening = this.#opening.get(id) ?? this.#enter(id, open)
    this.#opening.set(id, opening)
    await opening
  }

  async #enter(id: string, open: () => Promise<OpenNamespace>): Promise<OpenNamespace> {
    try {
      const namespace = await open()
      this.#open.set(id, namespace)
      return namespace
    } finally {
      this.#opening.delete(id)
    }
  }

  /**
   * The one that is named, or the only one.
   *
   * @throws `WillowError` `ERR_NAMESPACE_UNCLEAR`.
   */
  named(named: IdLike | undefined): OpenNamespace {
    if (named === undefined) {
      const [only, ...others] = this.#open.values()
      if (only && others.length === 0) return only
      const message = `no namespace was named, and ${this.#open.size} are open`
      throw willowError('ERR_NAMESPACE_UNCLEAR', message)
    }
    const text = bytesToHex(idBytes(named, 'namespace'))
    const found = this.#open.get(text)
    if (found) return found
    throw willowError('ERR_NAMESPACE_UNCLEAR', `namespace ${text} is not open`)
  }

  /** Closes all of them, one after the other. */
  async close(): Promise<void> {
    // What is being opened is closed with the rest; why it failed is its caller's to know.
    await Promise.allSettled(this.#opening.values())
    for (const namespace of this.#open.values()) await namespace.close()
  }
}
