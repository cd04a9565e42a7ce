import { expect, it } from 'vitest'
import { proxyFor } from '../src/proxy.ts'

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

it('passes over what is no proxy', () => {
  expect(proxyFor(url, { HTTPS_PROXY: 'socks5://proxy' })).toBeUndefined()
  expect(proxyFor(url, {})).toBeUndefined()
})
