/** A session over `@vudo/transport-relay`. */
import { relay } from '@vudo/transport-relay'
import { contenderOf } from '../support/session-ends.mjs'

export const { serve, connect, openUrgent, openBulk } = contenderOf(relay())
