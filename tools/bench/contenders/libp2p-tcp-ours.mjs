/** Ours over TCP: a `Connection` of `@vudo/transport-libp2p`. */
import { libp2p } from '@vudo/transport-libp2p'
import { contenderOf } from '../support/transport-ends.mjs'

export const { serve, connect } = contenderOf(libp2p({ enableQuic: false }))
