import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeBusReset } from '../src/bus-messages.ts'
import { LEASE_MS } from '../src/limits.ts'
import { relayFrames, resetReasons } from '../src/wire.ts'
import { Lab, pairIn, type Guest } from './lab.ts'

/** A back-plane in memory between cores. */
class Wire {
  isUp = true
  readonly labs: Lab[] = []
  readonly #subscribed = new Map<string, Set<Lab>>()

  lab(): Lab {
    const state: { lab?: Lab } = {}
    const isUp = (): boolean => this.isUp
    const subscribed = this.#subscribed
    const lab = new Lab(
      {},
      {
        get isUp() {
          return isUp()
        },
        subscribe(subject) {
          const labs = subscribed.get(subject) ?? new Set()
          subscribed.set(subject, labs)
          if (state.lab) labs.add(state.lab)
          return Promise.resolve()
        },
        unsubscribe: (subject) => void (state.lab && subscribed.get(subject)?.delete(state.lab)),
        publish(subject, bytes, frame = new Uint8Array()) {
          if (!isUp()) return false
          for (const to of subscribed.get(subject) ?? []) {
            if (to !== state.lab) to.core.onBusMessage(Buffer.concat([bytes, frame]))
          }
          return true
        },
        close: () => Promise.resolve(),
      },
    )
    state.lab = lab
    this.labs.push(lab)
    return lab
  }
}

async function acrossRelays(): Promise<{ wire: Wire; a: Guest; b: Guest; one: Lab; two: Lab }> {
  const wire = new Wire()
  const [one, two] = [wire.lab(), wire.lab()]
  const topic = randomBytes(32)
  const [a, b] = [one.enter(), two.enter()]
  a.join(topic)
  b.join(topic)
  await Promise.resolve()
  return { wire, a, b, one, two }
}

describe('two relays', () => {
  it('bring their clients together', async () => {
    const { a, b } = await acrossRelays()
    expect(a.take(relayFrames.members).at(-1)?.subarray(34)).toEqual(b.endpoint)
    a.sendTo(b)
    b.sendTo(a)
    expect(b.take(relayFrames.deliver)[0]?.subarray(1, 49)).toEqual(a.endpoint)
    expect(a.take(relayFrames.deliver)[0]?.subarray(49).toString()).toBe('hello')
  })

  it('say that an answer is complete only when the others have had time', async () => {
    const { a, one } = await acrossRelays()
    expect(a.take(relayFrames.members).filter((frame) => frame[33] === 1)).toEqual([])
    one.pass(100)
    one.pass(100)
    expect(a.take(relayFrames.members).filter((frame) => frame[33] === 1)).toHaveLength(1)
  })

  it('let a client go that has come to the other, and leave its new pairs alone', async () => {
    const { wire, a, b } = await acrossRelays()
    const three = wire.lab()
    // Its first relay has not noticed that it is gone.
    const moved = three.enter(b.endpoint)
    moved.join(Buffer.from([...a.client.memberships.keys()][0] ?? '', 'latin1'))
    await Promise.resolve()
    expect(b.wasReplaced).toBe(true)
    a.take(relayFrames.reset)
    for (let second = 0; second < 60; second++) {
      a.sendTo(moved)
      for (const lab of wire.labs) lab.pass(1_000)
      for (const lab of wire.labs) lab.core.sweep()
    }
    expect(moved.take(relayFrames.deliver)).toHaveLength(60)
    expect([...a.resets(), ...moved.resets()]).toEqual([])
    expect(b.take(relayFrames.deliver)).toEqual([])
  })

  it('take no reset of a relay that the client has left', async () => {
    const { wire, a, b } = await acrossRelays()
    a.sendTo(b)
    const old = encodeBusReset(
      randomBytes(8),
      { to: a.endpoint, from: b.endpoint },
      resetReasons.gone,
    )
    wire.labs[0]?.core.onBusMessage(old)
    expect(a.resets()).toEqual([])
  })

  it('reset the pairs between them after a gap, and no others', async () => {
    const { a, b, one } = await acrossRelays()
    const [c, d] = pairIn(one)
    c.sendTo(d)
    a.sendTo(b)
    one.core.onGap()
    expect(a.resets()).toEqual([[b.endpoint.toString('hex'), resetReasons.gap]])
    expect(b.resets()).toEqual([[a.endpoint.toString('hex'), resetReasons.gap]])
    expect(c.resets()).toEqual([])
    a.sendTo(b)
    expect(b.take(relayFrames.deliver)).toHaveLength(2)
  })

  it('reset a pair whose frame cannot be handed over', async () => {
    const { wire, a, b } = await acrossRelays()
    wire.isUp = false
    a.sendTo(b)
    expect(a.resets()).toEqual([[b.endpoint.toString('hex'), resetReasons.gap]])
  })

  it('forget the members of a relay that says nothing any more', async () => {
    const { a, b, one } = await acrossRelays()
    a.sendTo(b)
    one.pass(LEASE_MS + 1)
    one.core.sweep()
    expect(a.take(relayFrames.gone)).toHaveLength(1)
    expect(a.resets()).toEqual([[b.endpoint.toString('hex'), resetReasons.gone]])
  })

  it('do not walk over all clients for each member of a relay that is lost', async () => {
    const wire = new Wire()
    const [one, two] = [wire.lab(), wire.lab()]
    const topic = randomBytes(32)
    let looks = 0
    const [a, ...others] = Array.from({ length: 100 }, () => one.enter())
    const members = Array.from({ length: 100 }, () => two.enter())
    for (const guest of [a, ...others, ...members]) guest?.join(topic, 1)
    await Promise.resolve()
    for (const member of members) a?.sendTo(member)
    for (const { client } of others) {
      const has = client.pairs.has.bind(client.pairs)
      const drop = client.pairs.delete.bind(client.pairs)
      client.pairs.has = (name) => ((looks += 1), has(name))
      client.pairs.delete = (name) => ((looks += 1), drop(name))
    }
    one.pass(LEASE_MS + 1)
    one.core.sweep()
    expect(a?.resets()).toHaveLength(100)
    expect(looks).toBe(0)
  })

  it('tell of a client that left, and of one that came back at the other', async () => {
    const { a, b, one, two } = await acrossRelays()
    a.sendTo(b)
    two.core.leave(b.client)
    expect(a.take(relayFrames.gone)[0]?.subarray(33)).toEqual(b.endpoint)
    expect(a.resets()).toEqual([[b.endpoint.toString('hex'), resetReasons.gone]])
    const back = one.enter(b.endpoint)
    back.join(Buffer.from([...a.client.memberships.keys()][0] ?? '', 'latin1'))
    a.sendTo(back)
    expect(back.take(relayFrames.deliver)).toHaveLength(1)
  })
})
