/** js-libp2p alone: QUIC. */
import { quic } from '@chainsafe/libp2p-quic'
import { contenderOf } from '../support/libp2p-ends.mjs'

export const { serve, connect } = contenderOf(quic(), '/ip4/127.0.0.1/udp/0/quic-v1')
