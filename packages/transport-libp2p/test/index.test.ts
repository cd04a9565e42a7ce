import { expect, it } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import { createTransport } from '@vudo/transport'
import '@vudo/transport-libp2p'

function createNode() {
  return createTransport({ mode: 'libp2p' }, createTransportContext(createNodeKey()))
}

it('is registered under its name', () => {
  expect(createNode().name).toBe('libp2p')
})

it('says that nobody is at an address', async () => {
  const node = createNode()
  await expect(node.dial('libp2p://0')).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
  await node.disconnect()
})
