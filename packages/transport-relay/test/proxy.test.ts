import { expect, it } from 'vitest'
import { createNodeConnector } from '../src/node-socket.ts'
import { proxyFor } from '../src/proxy.ts'
import { createRelayFactory } from '../src/relay-transport.ts'
import { createNode } from './nodes.ts'

const url = new URL('wss://relay.example.com')
const HTTPS_PROXY = 'http://proxy:3128'

it('takes the proxy of the scheme, in either case', () => {
  expect(proxyFor(url, { HTTPS_PROXY })?.host).toBe('proxy:3128')
  expect(proxyFor(url, { https_proxy: HTTPS_PROXY })?.host).toBe('proxy:3128')
  expect(proxyFor(url, { HTTP_PROXY: HTTPS_PROXY })).toBeUndefined()
  expect(proxyFor(new URL('ws://relay'), { HTTP_PROXY: HTTPS_PROXY })?.host).toBe('proxy:3128')
})

it.each([
  ['*', false],
  ['example.com', false],
  ['.example.com', false],
  ['relay.example.com:443', false],
  ['relay.example.com:8443', true],
  ['ample.com', true],
  ['localhost, other.org', true],
])('leaves out the hosts of NO_PROXY: %s', (NO_PROXY, isUsed) => {
  expect(proxyFor(url, { HTTPS_PROXY, NO_PROXY }) !== undefined).toBe(isUsed)
})

it('takes a proxy without a scheme for one over HTTP, with its login', () => {
  expect(proxyFor(url, { HTTPS_PROXY: 'proxy.corp:3128' })?.href).toBe('http://proxy.corp:3128/')
  expect(proxyFor(url, { HTTPS_PROXY: 'ann:word@proxy:3128' })?.username).toBe('ann')
  expect(proxyFor(url, { HTTPS_PROXY: ' ' })).toBeUndefined()
  expect(proxyFor(url, {})).toBeUndefined()
})

it.each(['socks5://ann:word@proxy:1080', 'http://', 'proxy:port'])(
  'goes past no proxy that it cannot use: %s',
  (value) => {
    const error = expect.objectContaining({
      code: 'ERR_CONFIG_INVALID',
      message: 'HTTPS_PROXY is no proxy over HTTP',
    })
    expect(() => proxyFor(url, { HTTPS_PROXY: value })).toThrowError(error)
    expect(proxyFor(url, { HTTPS_PROXY: value, NO_PROXY: '*' })).toBeUndefined()
  },
)

it('is an error of listen, at once', async () => {
  const connector = createNodeConnector({ environment: { HTTPS_PROXY: 'socks5://proxy:1080' } })
  const { transport } = createNode(createRelayFactory({ urls: [url.href] }, connector))
  await expect(transport.listen()).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  await transport.disconnect()
})
