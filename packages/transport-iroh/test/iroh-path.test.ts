import { expect, it } from 'vitest'
import { createIrohPath, type PathView } from '../src/iroh-path.ts'

const peerId = '1b8cefe888f3ba1e4844f72d22c12b72e8ffa175417959cffd5210b2e0f71be9'
const relayed: PathView = {
  isSelected: true,
  isRelay: true,
  remoteAddr: 'https://relay.example.com/',
  rttMs: 40,
}
const direct: PathView = { ...relayed, isRelay: false, remoteAddr: '10.0.0.7:4433', rttMs: 2 }

it('tells the path of the moment: relayed first, direct once one is found', () => {
  let paths: PathView[] = [relayed]
  const path = createIrohPath({ source: { paths: () => paths }, peerId, outbound: true })
  expect(path).toMatchObject({ transport: 'iroh', outbound: true, relayed: true, rttMs: 40 })
  expect(path.address).toBe(`iroh://${peerId}?relay=https://relay.example.com/`)
  paths = [{ ...relayed, isSelected: false }, direct]
  expect(path).toMatchObject({ relayed: false, rttMs: 2 })
  expect(path.address).toBe(`iroh://${peerId}?addr=10.0.0.7:4433`)
})

it('keeps the last one when the connection has ended', () => {
  let paths: PathView[] = [relayed]
  const path = createIrohPath({ source: { paths: () => paths }, peerId, outbound: false })
  paths = []
  expect(path).toMatchObject({ relayed: true, rttMs: 40 })
})

it('says nothing of a path that there is not', () => {
  const path = createIrohPath({ source: { paths: () => [] }, peerId, outbound: false })
  expect([path.relayed, path.address, path.rttMs]).toEqual([false, undefined, undefined])
})
