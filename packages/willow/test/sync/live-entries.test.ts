import {
  createArea,
  createEntry,
  createPath,
  createSink,
  EMPTY_PAYLOAD_DIGEST,
  type Entry,
} from '@vudo/meadowcap'
import { describe, expect, test } from 'vitest'
import { EntryWriter } from '../../src/reconcile/entry-stream.ts'
import { LiveEntries, type LiveHost } from '../../src/sync/live-entries.ts'
import type { SessionEffect } from '../../src/sync/session-effects.ts'
import { idOf, namespaceId, tokenFor } from '../store/model.ts'

function entryAt(path: readonly (string | Uint8Array)[], timestamp: bigint): Entry {
  return createEntry({
    namespaceId,
    subspaceId: idOf(1),
    path: createPath(path),
    timestamp,
    payloadLength: 0n,
    payloadDigest: EMPTY_PAYLOAD_DIGEST,
  })
}

function heldOf(entry: Entry): Parameters<LiveEntries['write']>[0] {
  return { entry, token: tokenFor(entry), available: 0n, fingerprint: new Uint8Array(32) }
}

/** A session that shares everything. */
class FakeSession implements LiveHost {
  readonly effects: SessionEffect[] = []
  readonly live = new LiveEntries(this)

  isShared(): boolean {
    return true
  }

  effect(effect: SessionEffect): void {
    this.effects.push(effect)
  }

  send(): void {}
}

describe('live entries', () => {
  test('are refused when one message takes too much memory', () => {
    const writer = new EntryWriter()
    const sink = createSink()
    for (let at = 0; at < 200; at++) {
      const entry = entryAt([new Uint8Array(4_000), `${at}`], 5n)
      writer.write(sink, heldOf(entry))
    }
    const session = new FakeSession()
    expect(() => session.live.read(sink.finish())).toThrow(
      expect.objectContaining({ code: 'ERR_WILLOW_SYNC_PROTOCOL' }),
    )
    expect(session.effects).toEqual([])
  })

  test('that erase the same path twice are confirmed each for itself, however late', () => {
    const session = new FakeSession()
    const [first, second] = [entryAt(['notes'], 5n), entryAt(['notes'], 9n)]
    session.live.write(heldOf(first))
    session.live.write(heldOf(second))
    const area = createArea({ subspaceId: idOf(1), path: first.path })
    session.live.stored({ type: 'stored', number: 1, isHeld: true })
    const confirmed = { type: 'confirmed', area, upTo: 5n }
    expect(session.effects).toEqual([{ type: 'event', event: confirmed }])
    session.live.stored({ type: 'stored', number: 1, isHeld: true })
    expect(session.effects).toHaveLength(1)
    session.live.stored({ type: 'stored', number: 2, isHeld: true })
    expect(session.effects.at(-1)).toEqual({ type: 'event', event: { ...confirmed, upTo: 9n } })
  })
})
