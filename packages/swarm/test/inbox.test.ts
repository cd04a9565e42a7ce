import { describe, expect, it } from 'vitest'
import { createInbox } from '../src/inbox.ts'
import { MAX_READ_AHEAD_BYTES, MAX_READ_AHEAD_MESSAGES } from '../src/limits.ts'

const message = (n: number, bytes = 1): Uint8Array => new Uint8Array(bytes).fill(n)

describe('createInbox', () => {
  it('gives messages in order, to those who waited first', async () => {
    const inbox = createInbox(() => {})
    const first = inbox.take()
    const second = inbox.take()
    inbox.put(message(1))
    inbox.put(message(2))
    inbox.put(message(3))
    expect(await Promise.all([first, second, inbox.take()])).toEqual([
      message(1),
      message(2),
      message(3),
    ])
  })

  it('has room for one message, and tells when there is room again', async () => {
    let rooms = 0
    const inbox = createInbox(() => (rooms += 1))
    const reader = inbox.take()
    inbox.put(message(1))
    await reader
    expect(inbox.hasRoom).toBe(true)
    inbox.put(message(2))
    expect(inbox.hasRoom).toBe(false)
    await inbox.take()
    expect(inbox.hasRoom).toBe(true)
    expect(rooms).toBe(1)
  })

  it('reads ahead up to a limit while nobody has asked', () => {
    const inbox = createInbox(() => {})
    inbox.put(message(1, MAX_READ_AHEAD_BYTES - 1))
    expect(inbox.hasRoom).toBe(true)
    inbox.put(message(2))
    expect(inbox.hasRoom).toBe(false)
  })

  it('counts messages as well: many small ones cost more than their bytes', () => {
    const inbox = createInbox(() => {})
    for (let i = 0; i < MAX_READ_AHEAD_MESSAGES - 1; i++) inbox.put(message(i))
    expect(inbox.hasRoom).toBe(true)
    inbox.put(message(0))
    expect(inbox.hasRoom).toBe(false)
  })

  it('leaves the message for the next when a reader gives up', async () => {
    const inbox = createInbox(() => {})
    const controller = new AbortController()
    const reader = inbox.take({ signal: controller.signal })
    controller.abort('enough')
    await expect(reader).rejects.toBe('enough')
    inbox.put(message(1))
    expect(await inbox.take({ signal: new AbortController().signal })).toEqual(message(1))
    await expect(inbox.take({ signal: controller.signal })).rejects.toBe('enough')
  })

  it('gives what is there before it ends', async () => {
    const inbox = createInbox(() => {})
    inbox.put(message(1))
    inbox.end(new Error('lost'))
    inbox.end()
    expect(await inbox.take()).toEqual(message(1))
    await expect(inbox.take()).rejects.toThrow('lost')
  })

  it('ends those who wait', async () => {
    const inbox = createInbox(() => {})
    const reader = inbox.take()
    inbox.end()
    expect(await reader).toBeUndefined()
  })
})
