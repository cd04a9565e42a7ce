import { expect, it, onTestFinished } from 'vitest'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import { parseTransportConfig } from '@vudo/transport'
import { libp2p, type Libp2pOptions } from '@vudo/transport-libp2p'
import { sweep } from '../src/idle-connections.ts'
import { IDLE_CONNECTION_MS } from '../src/limits.ts'
import { addressOf, createNode, createTopic, firstOf, until, type TestNode } from './nodes.ts'
import { createPlainNode, frame, multiaddrOf } from './plain-node.ts'

function node(options: Libp2pOptions = {}): TestNode {
  const made = createNode({}, options)
  onTestFinished(() => made.transport.disconnect())
  return made
}

/** A relay, and its address with its key. */
async function createRelay(): Promise<string> {
  const seed = crypto.getRandomValues(new Uint8Array(32))
  const context = createTransportContext(createNodeKey(seed.slice()))
  const settings = parseTransportConfig({ port: 0, bindAddress: '127.0.0.1' })
  const transport = libp2p({ relayService: true, enableQuic: false })({ ...context, settings })
  onTestFinished(() => transport.disconnect())
  await transport.listen()
  const key = await generateKeyPairFromSeed('Ed25519', seed)
  return `${transport.addresses[0]}/p2p/${peerIdFromPrivateKey(key).toString()}`
}

it('reaches a node through a relay, and says that the path is relayed', async () => {
  const relay = await createRelay()
  const [there, here] = [node({ relays: [relay] }), node()]
  await there.transport.listen()
  const relayed = there.transport.addresses.find((one) => one.includes('/p2p-circuit/'))
  expect(relayed).toMatch(relay)
  const topic = createTopic()
  const [dialled, accepted] = await Promise.all([
    here.transport.dial(relayed ?? ''),
    firstOf(there, topic),
    firstOf(here, topic),
  ])
  expect([dialled.peerId, accepted.peerId]).toEqual([there.id, here.id])
  expect(dialled.path).toMatchObject({ transport: 'libp2p', relayed: true })
  expect(accepted.path.relayed).toBe(true)
  const message = new Uint8Array(100_000).fill(7)
  await dialled.send(message)
  expect(await accepted.receive()).toEqual(message)
})

it('tells a relay that does not know the peer from one that is gone', async () => {
  const relay = await createRelay()
  const stranger = node()
  await stranger.transport.listen()
  const other = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', new Uint8Array(32)))
  await expect(
    stranger.transport.dial(`${relay}/p2p-circuit/p2p/${other.toString()}`),
  ).rejects.toMatchObject({
    code: 'ERR_DIAL_FAILED',
    message: expect.stringContaining('does not know the peer') as string,
  })
})

it('goes on without a relay that cannot be reached, and says so once', async () => {
  const warnings: string[] = []
  const onWarning = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const gone =
    'libp2p:///ip4/127.0.0.1/tcp/9/p2p/12D3KooWKRyzVWW6ChFjQjK4miCty85Niy48tpPV95XdKu1BcvMA'
  const ours = node({ relays: [gone] })
  await ours.transport.listen()
  await until(() => warnings.length > 0)
  expect(warnings).toEqual([expect.stringContaining('has no place at the relay')])
  expect(ours.transport.addresses[0]).toMatch(/\/tcp\/\d+$/)
})

it('closes connections that nobody uses, and none that has a stream', async () => {
  const ours = node()
  const plain = await createPlainNode()
  onTestFinished(() => plain.stop())
  await plain.handle('/idle/1', () => undefined)
  const connection = await plain.dial(multiaddrOf(await addressOf(ours)))
  const idleSince = new Map<string, number>()
  await until(() => connection.streams.length === 0)
  sweep(plain, idleSince, 0)
  sweep(plain, idleSince, IDLE_CONNECTION_MS - 1)
  expect(connection.status).toBe('open')
  const stream = await connection.newStream('/vudo/link/1')
  sweep(plain, idleSince, IDLE_CONNECTION_MS)
  stream.send(frame(2, new Uint8Array()))
  await stream.close()
  await until(() => connection.streams.length === 0)
  sweep(plain, idleSince, 2 * IDLE_CONNECTION_MS)
  expect(connection.status).toBe('open')
  sweep(plain, idleSince, 3 * IDLE_CONNECTION_MS)
  await until(() => connection.status !== 'open')
})
