import { randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { hyperswarm } from '@vudo/transport-hyperswarm'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { createContext } from './nodes.ts'

// Slow, because a node that is gone is asked three times, a second apart.
it('goes on with a second one when the first stops', async () => {
  const first = await startBootstrap()
  const second = await startBootstrap({ bootstrapNodes: [first.address] })
  onTestFinished(() => second.close())
  const bootstrapNodes = [first.address, second.address]
  const [a, b] = [createContext({ bootstrapNodes }), createContext({ bootstrapNodes })]
  const [seeker, sought] = [hyperswarm()(a), hyperswarm()(b)]
  onTestFinished(() => seeker.disconnect())
  onTestFinished(() => sought.disconnect())
  const topic = new Uint8Array(randomBytes(32))
  await Promise.all([sought.announce(topic), seeker.listen()])
  await first.close()
  const found = await seeker.lookup(topic)
  expect(found.map(({ id }) => id)).toEqual([b.peerId])
  const connection = await seeker.dial(`hyperswarm://${b.peerId}`)
  expect(connection.peerId).toBe(b.peerId)
})
