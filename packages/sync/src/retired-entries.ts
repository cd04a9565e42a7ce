import * as Automerge from '@automerge/automerge'
import type { Asking } from './asking.ts'
import { entryOf } from './catalogue-entry.ts'
import { deletionsUnder, lookAtDeleted } from './deletion.ts'
import { earlierEpochs } from './epochs.ts'
import type { DeletedEntry, EarlierEpoch } from './sync-types.ts'

/* What the application may see of documents that a deletion or a successor has retired. */

/** The deleted documents under a prefix, each with what its record says of its content. */
export function deletedEntries(asking: Asking, prefix: string): Promise<readonly DeletedEntry[]> {
  const records = asking.call((replica) => deletionsUnder(replica, prefix))
  return Promise.all(
    records.map((record) =>
      asking.answered<DeletedEntry>((replica, resolve) => {
        lookAtDeleted(replica, record, (content) => resolve({ ...entryOf(record), content }))
      }),
    ),
  )
}

/** The earlier epochs of a path that are still here, with their values. */
export function epochsOf(asking: Asking, path: string): Promise<readonly EarlierEpoch[]> {
  const states = asking.call((replica) => earlierEpochs(replica, path))
  return Promise.all(
    states.map(({ record, state }) =>
      asking.answered<EarlierEpoch>((replica, resolve) => {
        replica.retired.contentOf(state, (content) => {
          const value: unknown = Automerge.toJS(state.open)
          resolve({ ...entryOf(record), content, value })
        })
      }),
    ),
  )
}
