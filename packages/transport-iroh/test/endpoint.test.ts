import type { Endpoint } from '@number0/iroh/index.js'
import { expect, it } from 'vitest'
import { bindEndpoint } from '../src/endpoint.ts'
import type { Iroh } from '../src/load-iroh.ts'
import { createContext } from './nodes.ts'

/** The stack, as far as binding needs it; it gives this endpoint. */
function stackWith(endpoint: Partial<Endpoint>): Iroh {
  const builder = {
    relayMode: () => undefined,
    alpns: () => undefined,
    bindAddr: () => undefined,
    secretKey: () => undefined,
    bind: async () => endpoint,
  }
  const fake = {
    Endpoint: { builder: () => builder },
    presetMinimal: () => undefined,
    RelayMode: { disabled: () => undefined },
  }
  return fake as unknown as Iroh
}

it('closes an endpoint that does not take an announced address, and says that it was this', async () => {
  let closed = 0
  const iroh = stackWith({
    addExternalAddr: () => Promise.reject(new Error('not routable')),
    close: async () => void closed++,
  })
  const announced = ['203.0.113.7:34569']
  const init = { iroh, context: createContext(), relays: undefined, announced }
  await expect(bindEndpoint(init)).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: 'iroh does not announce 203.0.113.7:34569: not routable',
  })
  expect(closed).toBe(1)
})
