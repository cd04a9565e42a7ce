/** Options and a protocol of an application, for the worker of a node: worker.test.ts. */
import type { P2P, P2POptions } from '@vudo/p2p'

// A worker's module has one, as configuration files have.
// oxlint-disable-next-line import/no-default-export
export default function options(): P2POptions {
  return {
    policy: (_author, action, path) => action !== 'write' || path !== 'notes/locked',
    heartbeatIntervalMs: 7_000,
  }
}

export function setUp(node: P2P): void {
  node.respond('/test/echo/1', (message) => message)
}
