import { expect, it, onTestFinished, vi } from 'vitest'
import {
  startBootstrap,
  type Bootstrap,
  type BootstrapOptions,
} from '@vudo/transport-hyperswarm/bootstrap'

// Real sockets on a machine that may have other things to do.
vi.setConfig({ testTimeout: 30_000 })

async function start(options?: BootstrapOptions): Promise<Bootstrap> {
  const bootstrap = await startBootstrap(options)
  onTestFinished(() => bootstrap.close())
  return bootstrap
}

it('takes a free port, and gives the address that others need', async () => {
  const first = await start()
  const { address, host, port } = first
  expect(host).toBe('127.0.0.1')
  expect(port).toBeGreaterThan(0)
  expect(address).toBe(`hyperswarm://127.0.0.1:${port}`)
  await Promise.all([first.close(), first.close()])
  const again = await start({ port })
  expect(again.port).toBe(port)
})

it.each(['0.0.0.0', '::1', 'localhost', '', '192.0.2.1', '999.1.1.1'])(
  'refuses to listen at %j',
  async (host) => {
    await expect(startBootstrap({ host })).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  },
)

it('says that a port is taken', async () => {
  const { port } = await start()
  await expect(startBootstrap({ port })).rejects.toMatchObject({ code: 'ERR_ADDRESS_IN_USE' })
})

it('refuses a port that is none, and a node that is not written as it should', async () => {
  await expect(startBootstrap({ port: 65_536 })).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
  })
  await expect(startBootstrap({ bootstrapNodes: ['hyperswarm://x'] })).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
  })
})
