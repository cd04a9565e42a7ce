import { describe, expect, it } from 'vitest'
import { Lab, other, pong, welcome } from './relay-lab.ts'

describe('a relay that is away', () => {
  it('is tried again after 100 ms, doubling to 30 s, of which a half is by chance', async () => {
    const lab = new Lab()
    lab.isThere = false
    lab.chance = 1
    lab.link.start()
    await lab.turn(0)
    const waits: number[] = []
    for (let n = 0; n < 11; n++) {
      waits.push(lab.waitMs())
      await lab.turn()
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
    lab.chance = 0
    await lab.turn()
    expect(lab.waitMs()).toBe(15_000)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('begins anew with 100 ms when it had been there for a while, and not before', async () => {
    const lab = new Lab()
    lab.chance = 1
    lab.link.start()
    await lab.turn(0)
    for (const [livedMs, waitMs] of [
      [10, 100],
      [10, 200],
      [10, 400],
      [6_000, 100],
    ] as const) {
      lab.enter()
      await lab.turn(livedMs)
      lab.end()
      await lab.turn(0)
      expect(lab.link.isConnected).toBe(false)
      expect(lab.waitMs()).toBe(waitMs)
      await lab.turn()
    }
    await lab.link.close()
  })

  it('begins anew with 100 ms also when the good time ended by an error', async () => {
    const lab = new Lab()
    lab.chance = 1
    lab.link.start()
    await lab.turn(0)
    const waits: number[] = []
    for (const livedMs of [10, 10, 6_000, 6_000]) {
      lab.enter()
      await lab.turn(livedMs)
      lab.break()
      await lab.turn(0)
      waits.push(lab.waitMs())
      await lab.turn()
    }
    expect(waits).toEqual([100, 200, 100, 100])
    await lab.link.close()
  })

  it('is left in peace for long when it has another connection of this end point', async () => {
    const lab = new Lab()
    lab.chance = 1
    lab.link.start()
    await lab.turn(0)
    lab.events.onMessage(welcome)
    lab.end(4_001)
    await lab.turn(0)
    expect(lab.waitMs()).toBe(30_000)
    expect(lab.link.lastingError?.message).toContain('another connection')
    await lab.link.close()
  })

  it('is noticed by its silence', async () => {
    const lab = new Lab()
    lab.link.start()
    await lab.turn(0)
    lab.events.onMessage(welcome)
    lab.isMute = true
    expect(lab.link.isConnected).toBe(true)
    await lab.pass(10_000)
    expect(lab.link.isConnected).toBe(false)
    expect(lab.link.lastError).toMatchObject({ code: 'ERR_CONNECTION_LOST' })
    await lab.link.close()
  })

  it('is asked when what is sent brings no answer, and not while it is heard or nobody speaks', async () => {
    const lab = new Lab()
    lab.link.start()
    await lab.turn(0)
    lab.events.onMessage(welcome)
    const pipe = lab.link.open(other)
    lab.events.onMessage(pong)
    const pings = (): number => lab.count(0x05)
    const speak = (): void => void pipe.send(Uint8Array.of(1)).catch(() => undefined)
    const before = pings()
    await lab.turn(5_000)
    speak()
    await lab.turn(1_000)
    lab.events.onMessage(pong)
    speak()
    await lab.turn(1_500)
    expect(pings()).toBe(before)
    await lab.turn(500)
    expect(pings()).toBe(before + 1)
    await lab.turn(10_000)
    expect(lab.link.isConnected).toBe(false)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('is not given up while anything comes, and is when nothing more does', async () => {
    const lab = new Lab()
    lab.link.start()
    await lab.turn(0)
    lab.events.onMessage(welcome)
    const delivery = new Uint8Array(60)
    delivery[0] = 0x86
    for (let n = 0; n < 30; n++) {
      await lab.turn(1_000)
      lab.events.onMessage(delivery)
    }
    expect(lab.link.isConnected).toBe(true)
    await lab.turn(9_999)
    expect(lab.link.isConnected).toBe(true)
    await lab.turn(1)
    expect(lab.link.isConnected).toBe(false)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('says what is wrong when it speaks another version, or nonsense', async () => {
    for (const [bytes, code] of [
      [Uint8Array.of(0x81, 9), 'ERR_HANDSHAKE_FAILED'],
      [Uint8Array.of(0x82), 'ERR_PEER_PROTOCOL'],
    ] as const) {
      const lab = new Lab()
      lab.link.start()
      await lab.turn(0)
      lab.events.onMessage(bytes)
      await lab.turn(0)
      expect(lab.link.lastError).toMatchObject({ code })
      await lab.link.close()
    }
  })
})
