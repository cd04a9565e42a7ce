/** js-libp2p alone: TCP, Noise and Yamux. */
import { tcp } from '@libp2p/tcp'
import { contenderOf } from '../support/libp2p-ends.mjs'

export const { serve, connect } = contenderOf(tcp(), '/ip4/127.0.0.1/tcp/0')
