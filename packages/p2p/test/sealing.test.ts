import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createNodeKey, seal } from '@vudo/identity'
import { createSealing } from '../src/sealing.ts'
import { createNode } from './nodes.ts'

const dayMs = 86_400_000
const text = new TextEncoder().encode('hello')

describe('sealing keys', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_800_000_000_000 })
    onTestFinished(() => {
      vi.useRealTimers()
    })
  })

  it('are replaced once a day, in the records too', () => {
    const sealing = createSealing(createNodeKey())
    const named = (): Uint8Array => sealing.context.signRecord([]).sealingKey
    const keys = [sealing.keys.publicKey]
    expect(named()).toEqual(keys[0])
    for (let day = 1; day <= 3; day++) {
      vi.advanceTimersByTime(dayMs)
      keys.push(sealing.keys.publicKey)
      expect(named()).toEqual(keys[day])
    }
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(4)
    sealing.close()
  })

  it('open messages to two replaced keys, and to no older one', () => {
    const sealing = createSealing(createNodeKey())
    const sealed = seal(sealing.keys.publicKey, text)
    vi.advanceTimersByTime(2 * dayMs)
    expect(sealing.keys.open(sealed).plaintext).toEqual(text)
    vi.advanceTimersByTime(dayMs)
    expect(() => sealing.keys.open(sealed)).toThrow('cannot be opened')
    sealing.close()
  })

  it('leave no timer behind', () => {
    const sealing = createSealing(createNodeKey())
    expect(vi.getTimerCount()).toBe(1)
    sealing.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('the sealing keys of a node', () => {
  it('open what others seal to this node, and nothing after a new start', async () => {
    const node = await createNode()
    const sealed = seal(node.sealingKeys.publicKey, text)
    expect(node.sealingKeys.open(sealed).plaintext).toEqual(text)
    await node.stop()
    await node.initialize()
    expect(() => node.sealingKeys.open(sealed)).toThrow('cannot be opened')
  })
})
