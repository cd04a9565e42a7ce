import { hexToBytes } from '@vudo/wire'
import { createEntry, type Entry } from '../data/entry.ts'
import { emptyPath } from '../data/path.ts'
import type { AuthorisationToken } from './capability.ts'

/** The default namespace and subspace of Willow'25, whose secret is printed in the specification. Shared: do not change it. */
export const DEFAULT_ID: Uint8Array = hexToBytes(
  '934e6021339e1f013ba94900edc25d8d74c0b4e573768910ae0f507d8c817318',
)

/** WILLIAM3 of the empty payload. Shared: do not change it. */
export const EMPTY_PAYLOAD_DIGEST: Uint8Array = hexToBytes(
  '96d34c5478458231e364767952aaea02a31d2203c66f4365692ef91f351068d2',
)

/** What the first entry of a drop or a session is relative to. */
export const defaultEntry: Entry = createEntry({
  namespaceId: DEFAULT_ID,
  subspaceId: DEFAULT_ID,
  path: emptyPath,
  timestamp: 0n,
  payloadLength: 0n,
  payloadDigest: EMPTY_PAYLOAD_DIGEST,
})

/** What the first token of a drop or a session is relative to: it authorises {@link defaultEntry}. */
export const defaultToken: AuthorisationToken = Object.freeze({
  capability: Object.freeze({
    kind: 'communal',
    accessMode: 'write',
    namespaceKey: DEFAULT_ID,
    userKey: DEFAULT_ID,
    delegations: Object.freeze([]),
  }),
  signature: hexToBytes(
    '2ac93ad2c13fedb696345dbac6e71254e99cb444e5e81b916fca0878f0a8a993' +
      '2bd1a4e846e1ca83377b740a29b8570a85038d50662ba8af66e5683c93521401',
  ),
})
