import type { GossipOptions } from './gossip.ts'
import { ACTIVE_PEERS, MAX_ACTIVE_PEERS, MIN_ACTIVE_PEERS, TOPIC_BUFFER } from './limits.ts'

/** {@link GossipOptions} with every field filled in and checked. */
export type GossipSettings = {
  readonly [Field in keyof GossipOptions]-?: NonNullable<GossipOptions[Field]>
}

/**
 * Checks `options` and fills in the defaults.
 *
 * @throws `RangeError` for an option that does not exist or is out of its range.
 */
export function parseGossipOptions(options: GossipOptions = {}): GossipSettings {
  const settings: GossipSettings = {
    bufferSize: options.bufferSize ?? TOPIC_BUFFER,
    activePeers: options.activePeers ?? ACTIVE_PEERS,
    keepsSessions: options.keepsSessions ?? true,
    now: options.now ?? (() => performance.now()),
    random: options.random ?? (() => Math.random()),
  }
  for (const field of Object.keys(options)) {
    if (!(field in settings)) throw new RangeError(`option "${field}" does not exist`)
  }
  checkRange('bufferSize', settings.bufferSize, [1, 65_536])
  checkRange('activePeers', settings.activePeers, [MIN_ACTIVE_PEERS, MAX_ACTIVE_PEERS])
  return settings
}

function checkRange(field: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new RangeError(`${field} is ${value}, expected a whole number from ${least} to ${most}`)
}
