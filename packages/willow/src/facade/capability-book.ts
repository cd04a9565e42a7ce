import {
  capabilityId,
  createCapabilityStore,
  decodeCapability,
  encodeCapability,
  type CapabilityStore,
  type McCapability,
  type RevocationList,
  type Verifier,
} from '@vudo/meadowcap'
import type { StoreView } from '@vudo/storage'
import { hexToBytes } from '@vudo/wire'

/** What {@link openCapabilityBook} takes. */
export interface CapabilityBookInit {
  /** A view for this alone. */
  readonly view: StoreView
  readonly verifier: Verifier
  readonly revocations: RevocationList | undefined
}

/** The capabilities of this user, kept from one start to the next. */
export interface CapabilityBook {
  /** All of them, verified. Add through {@link CapabilityBook.keep}, which also makes them durable. */
  readonly store: CapabilityStore
  /**
   * Adds one, durably. Tells whether it is new.
   *
   * @throws `MeadowcapError` `ERR_CAPABILITY_INVALID` or `ERR_CAPABILITY_LIMIT`.
   */
  keep(capability: McCapability): Promise<boolean>
}

/**
 * Opens the capabilities of a view. One that does not hold any more (a damaged record, or
 * more than fit) is left out: who has it as a text can add it again.
 */
export async function openCapabilityBook(init: CapabilityBookInit): Promise<CapabilityBook> {
  const { view, verifier, revocations } = init
  const store = createCapabilityStore({ verifier, revocations })
  for await (const { value } of view.scan({ prefix: new Uint8Array() })) addStored(store, value)
  return {
    store,
    async keep(capability) {
      if (!store.add(capability)) return false
      const id = capabilityId(capability)
      try {
        await view.write([
          { type: 'put', key: hexToBytes(id), value: encodeCapability(capability) },
        ])
      } catch (error) {
        // Known here only, it would never be written when it is added again.
        store.remove(id)
        throw error
      }
      return true
    },
  }
}

function addStored(store: CapabilityStore, value: Uint8Array): void {
  try {
    store.add(decodeCapability(value))
  } catch {
    // Whatever is wrong with one record, the others must be found; it is not deleted.
  }
}
