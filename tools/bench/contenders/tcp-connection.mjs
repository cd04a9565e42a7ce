/** A `Connection` of `@vudo/transport-tcp`, without a session above. */
import { tcp } from '@vudo/transport-tcp'
import { contenderOf } from '../support/transport-ends.mjs'

export const { serve, connect } = contenderOf(tcp())
