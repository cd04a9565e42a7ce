import type { PayloadId } from '../payloads/vault.ts'
import type { Change } from './backing.ts'
import { rowOf, type Held } from './held.ts'
import type { EntryIndex } from './entry-index.ts'
import type { Place } from './place.ts'
import type { StoreEvent } from './store.ts'

/** What a task has changed in the index and not yet committed. */
export class Transaction {
  readonly #index: EntryIndex
  entries: Change[] = []
  /** Entries that are not held any more. */
  removed: Held[] = []
  /** Payloads without an entry from now on. */
  doomed: PayloadId[] = []
  /** Payloads that are about to be made, and are to be destroyed unless an entry takes them over. */
  reserved: PayloadId[] = []
  /** Payloads that an entry has taken over. */
  adopted: PayloadId[] = []
  /** To be told when it is durable. */
  events: StoreEvent[] = []
  #held = new Map<Place, Held>()

  constructor(index: EntryIndex) {
    this.#index = index
  }

  get isEmpty(): boolean {
    const { entries, doomed, reserved, adopted } = this
    return entries.length + doomed.length + reserved.length + adopted.length === 0
  }

  /** What was put in and is not yet where the backing finds it. */
  heldAt(place: Place): Held | undefined {
    return this.#held.get(place)
  }

  async put(held: Held): Promise<void> {
    await this.#index.insert(rowOf(held))
    this.entries.push({ type: 'put', held })
    this.#held.set(held.place, held)
  }

  /** Takes an entry out, and its payload with it. */
  async remove(held: Held): Promise<void> {
    await this.detach(held)
    this.removed.push(held)
    if (held.payloadId) this.doomed.push(held.payloadId)
  }

  /** Takes an entry out whose payload stays: another record of it follows. */
  async detach({ place, timestamp }: Held): Promise<void> {
    await this.#index.remove(place)
    this.entries.push({ type: 'remove', place, timestamp })
    this.#held.delete(place)
  }

  /** Begins anew, after everything so far was committed. */
  reset(): void {
    this.entries = []
    this.removed = []
    this.doomed = []
    this.reserved = []
    this.adopted = []
    this.events = []
    this.#held.clear()
  }
}
