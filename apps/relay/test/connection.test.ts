import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { createNodeKey } from '@vudo/identity'
import { createAccess } from '../src/access.ts'
import { createAddressBook } from '../src/address-book.ts'
import { memoryBackPlane } from '../src/back-plane.ts'
import { createRelayConnection, type House } from '../src/connection.ts'
import { createRelayCore } from '../src/core.ts'
import { DEFAULT_LIMITS, type RelayLimits } from '../src/limits.ts'
import { denials } from '../src/wire.ts'
import { proofOf } from './client.ts'

/** A socket whose far end never answers a close. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1
  readonly CLOSED = 3
  readyState = 1
  bufferedAmount = 0
  isPaused = false
  closedWith: number | undefined
  readonly sent: Uint8Array[] = []

  send(frame: Uint8Array): void {
    this.sent.push(frame)
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  close(code: number): void {
    this.closedWith ??= code
    this.readyState = 2
  }

  terminate(): void {
    this.readyState = 3
    this.emit('close')
  }
}

function houseOf(change: Partial<RelayLimits>, init: Partial<House> = {}): House {
  const limits = { ...DEFAULT_LIMITS, ...change }
  return {
    core: createRelayCore({
      limits,
      bus: memoryBackPlane,
      relayId: randomBytes(8),
      nowMs: () => 0,
      setTimer: () => undefined,
    }),
    limits,
    access: createAccess({}),
    addresses: createAddressBook(limits),
    isOwnHost: () => true,
    nowMs: () => 0,
    fullness: () => undefined,
    onEntered: () => undefined,
    onRefused: () => undefined,
    onEnded: () => undefined,
    ...init,
  }
}

/** Connects, and says the proof; whether it is let in shows after a turn. */
function connect(house: House): FakeSocket {
  const socket = new FakeSocket()
  const challenge = randomBytes(32)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it has what a connection uses
  const upgraded = socket as unknown as WebSocket
  const names = { address: '127.0.0.1', socketName: 'one' }
  createRelayConnection({ house, socket: upgraded, challenge, ...names })
  const key = createNodeKey()
  const endpoint = Buffer.concat([key.publicKey, randomBytes(16)])
  socket.emit('message', proofOf({ key, endpoint }, challenge, 'relay.example.com', {}), true)
  return socket
}

const full = { denial: denials.full, reason: 'full' }

describe('a connection', () => {
  it.each([
    ['frames of no kind', true, 1_002],
    ['texts', false, 1_003],
  ])('reads %s no faster than others, and nothing after the close', async (_, isBinary, code) => {
    const house = houseOf({ bytesPerSecond: 1_000 })
    const socket = connect(house)
    await new Promise(setImmediate)
    expect([house.core.clientCount, socket.isPaused]).toEqual([1, false])
    socket.emit('message', Buffer.alloc(10_000, 0x66), isBinary)
    expect([socket.closedWith, socket.isPaused]).toEqual([code, true])
    const { framesIn } = house.core.counts
    socket.emit('message', Buffer.alloc(10_000, 0x66), isBinary)
    expect(house.core.counts.framesIn).toBe(framesIn)
    socket.terminate()
  })

  it('asks again whether there is room when its access service has answered', async () => {
    const house: House = houseOf(
      {},
      {
        access: { hasToken: () => true, check: () => Promise.resolve(undefined) },
        fullness: () => (house.core.clientCount > 0 ? full : undefined),
      },
    )
    const sockets = [connect(house), connect(house), connect(house)]
    await new Promise(setImmediate)
    expect(house.core.clientCount).toBe(1)
    expect(sockets.map(({ closedWith }) => closedWith)).toEqual([undefined, 1_008, 1_008])
    for (const socket of sockets) socket.terminate()
  })
})
