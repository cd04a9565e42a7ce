/** Ours: a `Connection` of `@vudo/transport-hyperswarm`. */
import { hyperswarm } from '@vudo/transport-hyperswarm'
import { contenderOf } from '../support/transport-ends.mjs'

export const { serve, connect } = contenderOf(hyperswarm())
