/**
 * `@vudo/relay`: with its limits on rates out of the way, and a back-plane where one is named;
 * `limited` leaves the limits as they are.
 */
import process from 'node:process'
import { connectNats, startRelay } from '@vudo/relay'
import { measured } from '../support/relay-process.mjs'

const [argument] = process.argv.slice(2)
const isLimited = argument === 'limited'
const nats = isLimited ? undefined : argument
const fast = 2 ** 40
const relay = await startRelay({
  limits: isLimited
    ? {}
    : {
        bytesPerSecond: fast,
        bytesPerSecondPerAddress: fast,
        bytesPerSecondPerTopic: fast,
        maxConnectionsPerAddress: 100_000,
        maxHalfOpenPerAddress: 2_000,
        idleMs: 600_000,
      },
  connectBackPlane: nats === undefined ? undefined : (events) => connectNats(nats, events),
})
measured({ url: relay.url })
