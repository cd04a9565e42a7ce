/** Ours: a `Connection` of `@vudo/transport-iroh`. Runs in a network of its own only (see stacks.mjs). */
import { iroh } from '@vudo/transport-iroh'
import { contenderOf } from '../support/transport-ends.mjs'

export const { serve, connect } = contenderOf(iroh())
