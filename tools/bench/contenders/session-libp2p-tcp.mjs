/** A session over `@vudo/transport-libp2p`: TCP, Noise and Yamux. */
import { libp2p } from '@vudo/transport-libp2p'
import { contenderOf } from '../support/session-ends.mjs'

export const { serve, connect, openUrgent, openBulk } = contenderOf(libp2p({ enableQuic: false }))
