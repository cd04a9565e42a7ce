/** A session over `@vudo/transport-hyperswarm`. */
import { hyperswarm } from '@vudo/transport-hyperswarm'
import { contenderOf } from '../support/session-ends.mjs'

export const { serve, connect, openUrgent, openBulk } = contenderOf(hyperswarm())
