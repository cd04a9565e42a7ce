import { expect, it } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import { createTransport } from '@vudo/transport'
import { createNode } from './nodes.ts'

it('is registered under its name', async () => {
  const node = createTransport({ mode: 'iroh' }, createTransportContext(createNodeKey()))
  expect(node.name).toBe('iroh')
  expect(node.features).toMatchObject({ bulk: false, maxMessageBytes: 65_536 })
  await node.disconnect()
})

it.each([
  [['relay.example.com']],
  [['wss://relay.example.com']],
  [['https://relay.example.com?key=1']],
  [Array.from({ length: 9 }, (_, n) => `https://relay${n}.example.com`)],
])('refuses %j as relays', (relays) => {
  const create = (): unknown => createNode({}, { relays })
  expect(create).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
})

it.each([
  [['router.example.com:34569']],
  [['203.0.113.7']],
  [['203.0.113.7:0']],
  [['2001:db8::7:34569']],
  [['203.0.113.7:34569&relay=https://relay.example.com']],
  [Array.from({ length: 7 }, (_, n) => `203.0.113.${n}:34569`)],
])('refuses %j as announceAddresses', (announceAddresses) => {
  const create = (): unknown => createNode({}, { announceAddresses })
  expect(create).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
})

it.each(['enableQuic', 'enableNatTraversal'])('does not pretend to keep %s: false', (field) => {
  const create = (): unknown => createNode({ [field]: false })
  expect(create).toThrow(`${field} is false`)
})
