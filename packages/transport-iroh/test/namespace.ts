/**
 * The stack asks the router for an open port (UPnP, by multicast) whatever it is told,
 * and always has an IPv6 socket on all interfaces. So what starts it runs in a network
 * namespace that has nothing but the loopback interface.
 */
import { spawnSync } from 'node:child_process'

/** Set inside. */
const mark = 'VUDO_ISOLATED_NETWORK'

/** True in a process that has a network of its own. */
export const isIsolated: boolean = process.env[mark] === '1'

/** What goes in front of a command that is to run isolated, as one user of the machine or as root. */
export const isolate: readonly string[] = [
  'unshare',
  '--map-root-user',
  '--net',
  'sh',
  '-c',
  `ip link set lo up && ${mark}=1 exec "$@"`,
  'sh',
]

/** Tells whether this machine can do that: Linux, where users may make namespaces. */
export function canIsolate(): boolean {
  const [command = '', ...options] = isolate
  return spawnSync(command, [...options, 'true']).status === 0
}
