import { randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { hyperswarm } from '@vudo/transport-hyperswarm'
import {
  startBootstrap,
  type Bootstrap,
  type BootstrapOptions,
} from '@vudo/transport-hyperswarm/bootstrap'
import { createContext } from './nodes.ts'

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

it('goes on with a second one when the first stops', async () => {
  const first = await start()
  const second = await start({ bootstrapNodes: [first.address] })
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
}, 15_000)
