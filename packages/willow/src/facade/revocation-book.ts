import {
  createRevocationList,
  type McCapability,
  type RevocationList,
  type Revocations,
} from '@vudo/meadowcap'
import type { StoreView } from '@vudo/storage'
import { bytesToHex } from '@vudo/wire'
import { idBytes, type IdLike } from './text-forms.ts'

/** What this device does not accept any more, kept from one start to the next. */
export interface RevocationBook {
  /** Changed through this book only, which makes changes durable. */
  readonly list: RevocationList
  /**
   * Refuses a capability and all that was handed on from it, or whatever a key holds or ever
   * handed on. Gives the entry that {@link RevocationBook.restore} takes.
   *
   * @throws `MeadowcapError` `ERR_CAPABILITY_LIMIT` when the list is full.
   */
  revoke(what: McCapability | IdLike): Promise<string>
  /** Takes an entry back. Tells whether there was one. */
  restore(entry: string): Promise<boolean>
}

const key = new TextEncoder().encode('list')

/** Opens the list in a view for this alone. */
export async function openRevocationBook(view: StoreView): Promise<RevocationBook> {
  const stored = await view.get(key)
  const list = createRevocationList(stored ? { revoked: decode(stored) } : {})
  const save = (): Promise<void> => {
    const value = new TextEncoder().encode(JSON.stringify(list.export()))
    return view.write([{ type: 'put', key, value }])
  }
  return {
    list,
    async revoke(what) {
      const entry = revokeIn(list, what)
      await save()
      return entry
    },
    async restore(entry) {
      const wasThere = list.restore(entry)
      if (wasThere) await save()
      return wasThere
    },
  }
}

function revokeIn(list: RevocationList, what: McCapability | IdLike): string {
  if (typeof what === 'object' && 'accessMode' in what) return list.revokeCapability(what)
  const userKey = idBytes(what, 'key')
  list.revokeKey(userKey)
  return bytesToHex(userKey)
}

function decode(value: Uint8Array): Revocations {
  // Written by `save`, and the storage vouches for its bytes.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(new TextDecoder().decode(value)) as Revocations
}
