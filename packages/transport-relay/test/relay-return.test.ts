/** Coming back to a relay after silence: calls beside each other, on a clock that the test turns. */
import { describe, expect, it } from 'vitest'
import { connected, Lab, other, pong } from './relay-lab.ts'

const proof = 0x01

describe('a connection that falls silent', () => {
  it('stays while another one is begun beside it, and is heard again', async () => {
    const lab = await connected()
    const pipe = lab.link.open(other)
    lab.isMute = true
    await lab.pass(2_999)
    expect(lab.attempts).toBe(1)
    await lab.pass(1)
    expect(lab.attempts).toBe(2)
    expect(lab.link.isConnected).toBe(true)
    lab.first.events.onMessage(pong)
    await lab.turn(0)
    expect(lab.open).toEqual([lab.first])
    expect(pipe.resetReason).toBeUndefined()
    await lab.pass(9_000)
    expect(lab.attempts).toBe(2)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('gives way to the one that is let in first, and its pipes end then', async () => {
    const lab = await connected()
    const pipe = lab.link.open(other)
    let hasEnded = false
    void pipe.ended.then(() => (hasEnded = true))
    await lab.pass(3_000)
    expect(lab.open).toHaveLength(2)
    expect(hasEnded).toBe(false)
    lab.enter()
    await lab.turn(0)
    expect(hasEnded).toBe(true)
    expect(lab.open).toEqual([lab.lines[1]])
    expect(lab.link.isConnected).toBe(true)
    await lab.pass(9_000)
    expect(lab.attempts).toBe(2)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('is left to one that has proven: the relay ends the older one then, and nobody is blamed', async () => {
    const lab = await connected()
    lab.link.open(other)
    await lab.pass(3_000)
    lab.first.events.onMessage(pong)
    lab.first.end(4_001)
    await lab.turn(0)
    expect(lab.link.lastingError).toBeUndefined()
    lab.enter()
    expect(lab.link.isConnected).toBe(true)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })
})

describe('a relay that somebody waits for', () => {
  it('is called anew each second or two beside calls that wait, four at a time', async () => {
    const lab = await connected()
    lab.chance = 1
    lab.link.open(other)
    lab.isMute = true
    lab.break()
    await lab.turn(0)
    const begun: number[] = []
    for (let ms = 0; ms < 20_000; ms += 100) {
      const before = lab.attempts
      await lab.pass(100)
      if (lab.attempts > before) begun.push(lab.nowMs)
      expect(lab.open.length).toBeLessThanOrEqual(4)
    }
    expect(begun.slice(0, 4)).toEqual([100, 2_100, 4_100, 6_100])
    expect(lab.open.length).toBe(4)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('lets the first in that is answered, with one proof at a time', async () => {
    const lab = await connected()
    lab.link.open(other)
    lab.isMute = true
    lab.break()
    await lab.turn(0)
    await lab.pass(5_000)
    expect(lab.open.length).toBe(4)
    const before = lab.count(proof)
    for (const line of lab.open) line.answer()
    await lab.turn(0)
    expect(lab.count(proof) - before).toBe(1)
    expect(lab.open).toHaveLength(1)
    lab.enter(lab.open[0])
    expect(lab.link.isConnected).toBe(true)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('waits no longer than a second after a failure, for a minute', async () => {
    const lab = await connected()
    lab.chance = 1
    lab.link.open(other)
    lab.isThere = false
    lab.break()
    await lab.turn(0)
    await lab.pass(20_000)
    const early = lab.attempts
    await lab.pass(30_000)
    expect(lab.attempts - early).toBe(30)
    await lab.pass(30_000)
    const late = lab.attempts
    await lab.pass(60_000)
    expect(lab.attempts - late).toBeLessThanOrEqual(2)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('is called at once for a dial in a long pause, and not for one that comes late', async () => {
    const lab = new Lab()
    lab.chance = 1
    lab.isThere = false
    lab.link.start()
    await lab.turn(0)
    await lab.pass(15_000)
    const before = lab.attempts
    const calm = lab.link.hurry()
    await lab.turn(0)
    expect(lab.attempts).toBe(before + 1)
    await lab.pass(5_000)
    expect(lab.attempts).toBe(before + 6)
    calm()
    await lab.pass(60_000)
    const after = lab.attempts
    lab.link.hurry()
    await lab.turn(0)
    expect(lab.attempts).toBe(after)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('is called once where nobody waits for it', async () => {
    const lab = new Lab()
    lab.isMute = true
    lab.link.start()
    await lab.turn(0)
    await lab.pass(9_000)
    expect(lab.attempts).toBe(1)
    await lab.pass(2_000)
    expect(lab.attempts).toBe(2)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })
})
