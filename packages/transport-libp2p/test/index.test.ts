import { expect, it } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import { createTransport } from '@vudo/transport'
import '@vudo/transport-libp2p'

it('is registered under its name', async () => {
  const context = createTransportContext(createNodeKey())
  const config = { mode: 'libp2p', bindAddress: '127.0.0.1', port: 0 }
  const transport = createTransport(config, context)
  expect(transport.name).toBe('libp2p')
  await expect(transport.dial('libp2p:///ip4/127.0.0.1/tcp/9')).rejects.toMatchObject({
    code: 'ERR_DIAL_FAILED',
  })
  await transport.disconnect()
})
