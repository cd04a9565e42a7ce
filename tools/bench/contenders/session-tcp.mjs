/** A session over `@vudo/transport-tcp`. */
import { tcp } from '@vudo/transport-tcp'
import { contenderOf } from '../support/session-ends.mjs'

export const { serve, connect, openUrgent, openBulk } = contenderOf(tcp())
