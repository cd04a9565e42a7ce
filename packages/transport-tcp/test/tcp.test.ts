import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { deriveTopic } from '@vudo/topic'
import {
  createTransport,
  registeredTransports,
  type Connection,
  type Transport,
} from '@vudo/transport'
import { tcp } from '@vudo/transport-tcp'
import { createContext } from './nodes.ts'
import { rawSockets } from './raw-sockets.ts'

const topic = deriveTopic('tcp test')

function node(context = createContext()): Transport {
  const transport = tcp()(context)
  onTestFinished(() => transport.disconnect())
  return transport
}

it('is registered under its name and preferred by auto', () => {
  expect(registeredTransports()).toContain('tcp')
  const transport = createTransport({ port: 0, bindAddress: '127.0.0.1' }, createContext())
  expect(transport.name).toBe('tcp')
})

it('connects peers of one topic by an address', async () => {
  const [a, b] = [node(), node()]
  const joined = b.connect(topic)[Symbol.asyncIterator]()
  const arriving = joined.next()
  await b.listen()
  const connecting = a.connect(topic)[Symbol.asyncIterator]().next()
  const connection = await a.dial(addressOf(b))
  await connection.send(Uint8Array.of(1, 2, 3))
  const arrived = (await arriving).value as Connection
  expect(await arrived.receive()).toEqual(Uint8Array.of(1, 2, 3))
  expect(((await connecting).value as Connection).peerId).toBe(connection.peerId)
})

it('takes another port when nobody chose the usual one and it is taken', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void holder.close())
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const context = createContext()
  const free = node({ ...context, settings: { ...context.settings, port, isPortChosen: false } })
  await free.listen()
  expect(free.addresses[0]).not.toBe(`tcp://127.0.0.1:${port}`)
  const strict = node({ ...context, settings: { ...context.settings, port, isPortChosen: true } })
  await expect(strict.listen()).rejects.toMatchObject({ code: 'ERR_ADDRESS_IN_USE' })
})

it('admits an honest peer while hundreds of sockets say nothing', async () => {
  const server = node(createContext({ maxNewConnectionsPerSecond: 100_000 }))
  await server.listen()
  const silent = await rawSockets(addressOf(server), 300)
  // No more than four of one address may wait for their handshake; all others are gone at once.
  await silent.left(4)
  silent.close()
  await silent.left(0)
  expect((await node().dial(addressOf(server))).path.transport).toBe('tcp')
})

function addressOf(transport: Transport): string {
  const [address] = transport.addresses
  if (address === undefined) throw new Error('it does not listen')
  return address
}
