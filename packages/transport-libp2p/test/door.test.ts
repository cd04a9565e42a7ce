import type { Connection, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { createDoor } from '../src/door.ts'
import { MAX_HALF_OPEN_PER_HOST } from '../src/limits.ts'

const peer = { type: 'Ed25519' } as PeerId

/** A socket before its handshake. */
function raw(host: string): MultiaddrConnection {
  const remoteAddr = { toString: () => `/ip4/${host}/tcp/1` }
  return Object.assign(new EventTarget(), { remoteAddr }) as unknown as MultiaddrConnection
}

function openDoor(connections: readonly Connection[] = []) {
  return createDoor({
    crowdedFrom: 5,
    connections: () => connections,
    isUseful: (protocol) => protocol === 'useful',
  })
}

it('lets one IP address have only half of the handshakes under way', () => {
  const { gater } = openDoor()
  const denies = (one: MultiaddrConnection) => gater.denyInboundConnection?.(one)
  const strangers = Array.from({ length: MAX_HALF_OPEN_PER_HOST }, () => raw('192.0.2.1'))
  expect(strangers.map((one) => denies(one))).not.toContain(true)
  expect(denies(raw('192.0.2.1'))).toBe(true)
  expect(denies(raw('192.0.2.2'))).toBe(false)
  // One is through, one has gone: there is room for two.
  void gater.denyInboundUpgradedConnection?.(peer, strangers[0] ?? raw(''))
  strangers[1]?.dispatchEvent(new Event('close'))
  expect([1, 2, 3].map(() => denies(raw('192.0.2.1')))).toEqual([false, false, true])
})

it('pushes out the oldest unused connection of the IP address that has most of them', () => {
  const gone: string[] = []
  const create = (name: string, open: number, fields: Partial<Connection> = {}): Connection =>
    ({
      remoteAddr: { toString: () => `/ip4/${name.startsWith('many') ? '192.0.2.1' : name}/tcp/1` },
      timeline: { open },
      direction: 'inbound',
      streams: [],
      abort: () => void gone.push(name),
      ...fields,
    }) as unknown as Connection
  const streams = [{ protocol: 'useful' }] as Connection['streams']
  const connections = [
    create('192.0.2.2', 1),
    create('many with a link', 2, { streams }),
    create('many, dialled by us', 3, { direction: 'outbound' }),
    create('many, newer', 5),
    create('many, oldest', 4),
  ]
  openDoor(connections.slice(1)).opened()
  expect(gone).toEqual([])
  openDoor(connections).opened()
  expect(gone).toEqual(['many, oldest'])
})
