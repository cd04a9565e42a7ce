import type { LinkMessage } from '@vudo/transport'
import { describe, expect, it } from 'vitest'
import { MAX_TAKEN_BEHIND } from '../src/limits.ts'
import { createLinkInbox } from '../src/link-inbox.ts'

const message = (n: number, bytes = 1): LinkMessage => ({
  isControl: false,
  bytes: new Uint8Array(bytes).fill(n),
})

describe('createLinkInbox', () => {
  it('gives messages in order, to those who waited first', async () => {
    const inbox = createLinkInbox()
    const waiting = [inbox.take(undefined), inbox.take(undefined)]
    for (const n of [1, 2, 3]) inbox.put(message(n))
    const taken = await Promise.all([...waiting, inbox.take(undefined)])
    expect(taken).toEqual([1, 2, 3].map((n) => message(n)))
  })

  it('is full from either bound on, until enough was taken', async () => {
    const inbox = createLinkInbox({ maxBytes: 10, maxMessages: 3 })
    inbox.put(message(1, 9))
    expect(inbox.isFull).toBe(false)
    inbox.put(message(2))
    expect(inbox.isFull).toBe(true)
    await inbox.take(undefined)
    expect(inbox.isFull).toBe(false)
    inbox.put(message(3))
    inbox.put(message(4))
    expect(inbox.isFull).toBe(true)
    inbox.clear()
    expect(inbox.isFull).toBe(false)
  })

  it('counts right behind a reader that never quite catches up', async () => {
    const inbox = createLinkInbox({ maxMessages: 2 })
    inbox.put(message(0))
    for (let n = 1; n <= 3 * MAX_TAKEN_BEHIND; n++) {
      inbox.put(message(n & 255))
      expect(inbox.isFull).toBe(true)
      expect(await inbox.take(undefined)).toEqual(message((n - 1) & 255))
      expect(inbox.isFull).toBe(false)
    }
  })

  it('tells of every message that has found its reader, and of no other', async () => {
    const told: number[] = []
    const inbox = createLinkInbox({ onTaken: ({ bytes }) => void told.push(bytes[0] ?? 0) })
    const waiting = inbox.take(undefined)
    inbox.put(message(1))
    await waiting
    inbox.put(message(2))
    inbox.put(message(3))
    expect(told).toEqual([1])
    await inbox.take(undefined)
    expect(told).toEqual([1, 2])
  })

  it('gives what is there after the end, and then the end', async () => {
    const clean = createLinkInbox()
    clean.put(message(1))
    clean.end({ clean: true })
    clean.put(message(2))
    expect(await clean.take(undefined)).toEqual(message(1))
    expect(await clean.take(undefined)).toBeUndefined()
    const broken = createLinkInbox()
    const waiting = broken.take(undefined)
    broken.end({ clean: false, error: new Error('torn') })
    await expect(waiting).rejects.toThrow('torn')
    await expect(broken.take(undefined)).rejects.toThrow('torn')
  })

  it('loses no message to a reader that gave up', async () => {
    const inbox = createLinkInbox()
    const aborter = new AbortController()
    const gone = inbox.take(aborter.signal)
    aborter.abort(new Error('no longer'))
    inbox.put(message(1))
    await expect(gone).rejects.toThrow('no longer')
    expect(await inbox.take(undefined)).toEqual(message(1))
  })
})
