/** A module whose worker crashes at a certain document: worker.test.ts. */
import process from 'node:process'
import type { P2P } from '@vudo/p2p'

export function setUp(node: P2P): void {
  node.events.on('document:changed', ({ path }) => {
    if (path === 'notes/fatal') throw new Error('the worker is made to fail')
    if (path === 'notes/exit') process.exit(3)
  })
}
