import { createEntry, createPath, type Entry } from '@vudo/meadowcap'
import { describe, expect, test } from 'vitest'
import { PAYLOAD_MESSAGE_BYTES } from '../../src/limits.ts'
import { PayloadInbox, type InboxHost } from '../../src/sync/payload-inbox.ts'
import type { SessionEffect } from '../../src/sync/session-effects.ts'
import { idOf, namespaceId } from '../store/model.ts'

function entryOf(name: string, pieces: number): Entry {
  return createEntry({
    namespaceId,
    subspaceId: idOf(1),
    path: createPath([name]),
    timestamp: 5n,
    payloadLength: BigInt(pieces * PAYLOAD_MESSAGE_BYTES),
    payloadDigest: new Uint8Array(32),
  })
}

/** A session whose clock the test turns; its store takes everything. */
class FakeSession implements InboxHost {
  readonly settings = { isMetered: false, deferAboveBytes: 0 }
  readonly payloadStallMs = 100
  readonly inbox = new PayloadInbox(this)
  readonly done: string[] = []
  nowMs = 0
  #timerAtMs = Infinity

  effect(effect: SessionEffect): void {
    if (effect.type === 'set-timer') {
      if (effect.inMs <= 0) throw new Error('a timer that is over when it begins')
      this.#timerAtMs = this.nowMs + effect.inMs
    } else if (effect.type === 'event') this.done.push(effect.event.type)
    else this.done.push(`${effect.type} ${'id' in effect ? effect.id : ''}`)
  }

  send(message: Parameters<InboxHost['send']>[0]): void {
    this.done.push(`${message.type} ${'id' in message ? message.id : ''}`)
  }

  /** Begins to receive payloads, numbered from 1. */
  open(...entries: readonly Entry[]): void {
    for (const entry of entries) this.inbox.offer(entry)
    this.inbox.pump()
    for (const at of entries.keys()) this.inbox.opened({ type: 'opened', id: at + 1, from: 0n })
    this.inbox.watch(this.nowMs)
    this.done.length = 0
  }

  take(id: number, bytes: number): void {
    this.inbox.received(id, new Uint8Array(bytes))
    this.inbox.watch(this.nowMs)
  }

  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs = Math.min(endMs, this.#timerAtMs)
      if (this.nowMs < this.#timerAtMs) return
      this.#timerAtMs = Infinity
      this.inbox.timer()
      this.inbox.watch(this.nowMs)
    }
  }
}

const givenUp = (id: number): string[] => [`cancel ${id}`, 'payload-failed', `close-payload ${id}`]

describe('a payload of which nothing comes', () => {
  test('is given up after its time, and asked for again by another round', () => {
    const session = new FakeSession()
    session.open(entryOf('a', 3))
    session.pass(99)
    expect(session.done).toEqual([])
    session.pass(1)
    expect(session.done).toEqual(givenUp(1))
    expect(session.inbox).toMatchObject({ hasLeftOut: true, isIdle: true })
  })

  test('does not live on bytes that come now and then', () => {
    const session = new FakeSession()
    session.open(entryOf('a', 3))
    for (let at = 0; at < 12; at++) {
      session.pass(10)
      session.take(1, 1)
    }
    expect(session.done.filter((one) => !one.startsWith('write-payload'))).toEqual(givenUp(1))
  })

  test('does not disturb those that go on, however slow', () => {
    const session = new FakeSession()
    session.open(entryOf('a', 5), entryOf('b', 6))
    for (let piece = 0; piece < 4; piece++) {
      session.pass(90)
      session.take(1, PAYLOAD_MESSAGE_BYTES)
    }
    const others = session.done.filter((one) => !one.startsWith('write-payload'))
    expect(others).toEqual(givenUp(2))
  })

  test('is still asked for on a metered device when somebody waits for it', () => {
    const session = new FakeSession()
    const entry = entryOf('a', 3)
    session.open(entry)
    session.pass(100)
    session.settings.isMetered = true
    session.inbox.request(entry)
    session.inbox.pump()
    session.inbox.opened({ type: 'opened', id: 2, from: 0n })
    session.inbox.watch(session.nowMs)
    session.pass(100)
    session.done.length = 0
    session.inbox.offer(entry)
    session.inbox.pump()
    expect(session.done).toEqual(['open-payload 3'])
    session.inbox.offer(entryOf('b', 3))
    expect(session.done.at(-1)).toBe('deferred')
  })

  test('is not given up while its last bytes wait for the store', () => {
    const session = new FakeSession()
    session.open(entryOf('a', 1))
    session.take(1, PAYLOAD_MESSAGE_BYTES)
    session.pass(1_000)
    expect(session.done).toEqual(['write-payload 1'])
    session.inbox.written({ type: 'written', id: 1, outcome: 'complete' })
    expect(session.done.at(-1)).toBe('close-payload 1')
  })
})
