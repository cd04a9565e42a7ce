import { expect, it } from 'vitest'
import { addressOf, createNode, createStrangers, nextEvent } from './nodes.ts'

// The grace for a database that is joined a little later is ten seconds.
it('a stranger is told that nothing is shared, and the connection ends', async () => {
  const node = await createNode()
  await node.start()
  const [open, wrong] = await createStrangers(node)
  if (!open || !wrong) throw new Error('there are two')
  await Promise.all([open.start(), wrong.start()])
  const outcomes = await Promise.allSettled([
    open.connectPeer(addressOf(node)),
    wrong.connectPeer(addressOf(node)),
  ])
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ reason: { code: 'ERR_NO_SHARED_DATABASE' } })
  }
  if (node.connectedPeers().length > 0) await nextEvent(node, 'session:ended')
  expect(await open.ls()).toEqual([])
}, 30_000)
