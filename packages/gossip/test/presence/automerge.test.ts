import { EventEmitter } from 'node:events'
import { Presence, type DocHandle } from '@automerge/automerge-repo'
import { describe, expect, it } from 'vitest'
import {
  automergeToPresence,
  goodbyeToAutomerge,
  presenceToAutomerge,
  type PresenceState,
} from '@vudo/gossip'

/** What automerge-repo's presence needs of a document's handle: ephemeral messages, in and out. */
class EphemeralHandle extends EventEmitter {
  readonly sent: unknown[] = []

  broadcast(message: unknown): void {
    this.sent.push(message)
  }

  receive(senderId: string, message: unknown): void {
    this.emit('ephemeral-message', { senderId, message })
  }
}

function theirs(initialState: PresenceState): {
  readonly handle: EphemeralHandle
  readonly presence: Presence<Record<string, unknown>, unknown>
} {
  const handle = new EphemeralHandle()
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the part of a handle that it uses
  const presence = new Presence({ handle: handle as unknown as DocHandle<unknown> })
  presence.start({ initialState: { ...initialState } })
  return { handle, presence }
}

describe("automerge-repo's presence", () => {
  it('understands what we tell it: states, changes, heartbeats and goodbyes', () => {
    const { handle, presence } = theirs({})
    try {
      let told: PresenceState | undefined
      const tell = (state: PresenceState): void => {
        handle.receive('us', presenceToAutomerge(state, told))
        told = state
      }
      const seen = (): unknown => Object.values(presence.getPeerStates().value)[0]?.value
      tell({ name: 'us', cursor: 1 })
      expect(seen()).toEqual({ name: 'us', cursor: 1 })
      tell({ name: 'us', cursor: 2 })
      expect(seen()).toEqual({ name: 'us', cursor: 2 })
      tell({ name: 'we', cursor: 2, colour: 'red' })
      expect(seen()).toEqual({ name: 'we', cursor: 2, colour: 'red' })
      tell({ name: 'we' })
      expect(seen()).toEqual({ name: 'we', cursor: null, colour: null })
      tell({ name: 'we' })
      expect(presenceToAutomerge({ name: 'we' }, told)).toEqual({
        __presence: { type: 'heartbeat' },
      })
      handle.receive('us', goodbyeToAutomerge())
      expect(seen()).toBeUndefined()
    } finally {
      presence.stop()
    }
  })

  it('is understood by us', () => {
    const { handle, presence } = theirs({ name: 'them', cursor: 1 })
    presence.broadcast('cursor', 2)
    presence.stop()
    let state: PresenceState | undefined
    const types = handle.sent.map((message) => {
      const news = automergeToPresence(message, state)
      state = news?.type === 'state' ? news.state : undefined
      return [news?.type, state]
    })
    expect(types).toEqual([
      ['state', { name: 'them', cursor: 1 }],
      ['state', { name: 'them', cursor: 2 }],
      ['goodbye', undefined],
    ])
  })
})

describe('messages of automerge-repo from anybody', () => {
  it('are nothing when they are no presence', () => {
    const messages = [
      undefined,
      null,
      7,
      'text',
      [],
      {},
      { __presence: null },
      { __presence: { type: 'update' } },
      { __presence: { type: 'update', channel: 7, value: 1 } },
      { __presence: { type: 'snapshot', state: [1] } },
      { __presence: { type: 'other' } },
      { __presence: { type: 'heartbeat' } },
    ]
    for (const message of messages) expect(automergeToPresence(message)).toBeUndefined()
  })

  it('keep the state at a heartbeat', () => {
    expect(automergeToPresence({ __presence: { type: 'heartbeat' } }, { a: 1 })).toEqual({
      type: 'state',
      state: { a: 1 },
    })
  })

  it('pollute nothing', () => {
    const evil: unknown = JSON.parse(
      '{"__presence":{"type":"snapshot","state":{"__proto__":{"polluted":1}}}}',
    )
    const channel = { __presence: { type: 'update', channel: '__proto__', value: { polluted: 1 } } }
    for (const message of [evil, channel]) {
      const news = automergeToPresence(message, {})
      expect(news).toEqual({ type: 'state', state: {} })
      expect(Reflect.get({}, 'polluted')).toBeUndefined()
    }
  })
})
