import { randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import type { Transport } from '@vudo/transport'
import { hyperswarm } from '@vudo/transport-hyperswarm'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { createContext } from './nodes.ts'

async function persistentNode(bootstrap: string): Promise<{ id: string; transport: Transport }> {
  const context = createContext()
  const transport = hyperswarm({ bootstrap: [bootstrap], persistent: true })(context)
  onTestFinished(() => transport.disconnect())
  await transport.listen()
  return { id: context.peerId, transport }
}

// Slow, because a node that is gone is asked three times, a second apart.
it('finds and reaches peers by topic among persistent nodes when no bootstrap node is left', async () => {
  const bootstrap = await startBootstrap()
  onTestFinished(() => bootstrap.close())
  const sought = await persistentNode(bootstrap.address)
  const seeker = await persistentNode(bootstrap.address)
  // Nobody asks itself, so a third one has to keep what one announces and the other looks up.
  await persistentNode(bootstrap.address)
  const topic = new Uint8Array(randomBytes(32))
  await sought.transport.announce(topic)
  await bootstrap.close()
  const found = await seeker.transport.lookup(topic)
  expect(found.map(({ id }) => id)).toEqual([sought.id])
  const connection = await seeker.transport.dial(`hyperswarm://${sought.id}`)
  expect(connection.peerId).toBe(sought.id)
})
