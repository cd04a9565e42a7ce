/** A `Connection` of `@vudo/transport-relay`, without a session above. */
import { relay } from '@vudo/transport-relay'
import { contenderOf } from '../support/transport-ends.mjs'

export const { serve, connect } = contenderOf(relay())
