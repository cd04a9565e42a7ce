import { isNetworkError, type NetworkEvents } from '@vudo/network'
import { createByteWriter } from '@vudo/wire'
import { describe, expect, it } from 'vitest'
import { frameKind, type HelloFrame } from '../src/frames.ts'
import {
  encodeAck,
  encodeCode,
  encodeData,
  encodeHello,
  encodeOpen,
  encodeProofs,
  encodeWelcome,
} from '../src/wire.ts'
import {
  attack,
  confirm,
  greet,
  helloFields,
  listenAndAnswer,
  welcomeFields,
  type Attacker,
} from './attacker.ts'
import { echo, pattern, startNode, type TestNode } from './nodes.ts'

const secret = new Uint8Array(32).fill(7)

interface Scene {
  readonly victim: TestNode
  readonly attacker: Attacker
  readonly refused: NetworkEvents['peer:refused'][]
  /** What the honest peer does meanwhile, and must go on doing. */
  readonly talk: () => Promise<void>
}

async function scene(options = {}): Promise<Scene> {
  const victim = await startNode(options)
  const honest = await startNode()
  await victim.network.join({ id: 'db', secret })
  await honest.network.join({ id: 'db', secret })
  echo(victim.network)
  await honest.network.connectPeer(victim.address)
  const channel = honest.network.session(victim.network.peerId)!.openChannel('/echo/1')
  const talk = async (): Promise<void> => {
    await channel.send(pattern(1_000))
    expect(await channel.receive()).toEqual(pattern(1_000))
  }
  await talk()
  const refused: NetworkEvents['peer:refused'][] = []
  victim.network.events.on('peer:refused', (event) => refused.push(event))
  const attacker = await attack(victim, secret)
  return { victim, attacker, refused, talk }
}

/** The attacker's connection ends, and nobody else notices. */
async function expectExpelled({ attacker, victim, talk }: Scene): Promise<void> {
  await attacker.connection.closed
  expect(victim.network.isPeerConnected(attacker.key.peerId)).toBe(false)
  await talk()
}

describe('a hostile peer loses its connection, and nobody else notices', () => {
  it('FR: garbage instead of a hello', async () => {
    const at = await scene()
    await at.attacker.connection.send(pattern(100, 3))
    await expectExpelled(at)
    expect(at.refused[0]?.code).toBe('ERR_SESSION_PROTOCOL')
  })

  it('DG4: another version is refused by name', async () => {
    const at = await scene()
    await at.attacker.connection.send(encodeHello(helloFields({ minVersion: 3, maxVersion: 9 })))
    expect(await at.attacker.connection.receive()).toEqual(
      createByteWriter().u8(frameKind.refused).text('ERR_VERSION_MISMATCH').finish(),
    )
    await expectExpelled(at)
    expect(at.refused[0]?.code).toBe('ERR_VERSION_MISMATCH')
  })

  it('data before the membership was confirmed', async () => {
    const at = await scene()
    await greet(at.attacker)
    const open = { channel: 1, protocol: '/echo/1', priority: 2, proof: new Uint8Array(0) } as const
    await at.attacker.connection.send(encodeOpen(open))
    await expectExpelled(at)
  })

  const breaches: Record<string, (a: Attacker, proof: Uint8Array) => Uint8Array[]> = {
    'an unknown kind': () => [Uint8Array.of(0x7f, 1, 2)],
    'a second hello': () => [encodeHello(helloFields())],
    'data on a channel that never was': () => [
      encodeData({ channel: 9, sequence: 1, hasMore: false, payload: pattern(1) }),
    ],
    'a channel with our numbers': (_a, proof) => [
      encodeOpen({ channel: 2, protocol: '/echo/1', priority: 2, proof }),
    ],
    'more than its credit': (_a, proof) => [
      encodeOpen({ channel: 1, protocol: '/idle/1', priority: 2, proof }),
      ...Array.from({ length: 20 }, (_, index) =>
        encodeData({ channel: 1, sequence: index + 1, hasMore: false, payload: pattern(60_000) }),
      ),
    ],
    'a number far ahead': (_a, proof) => [
      encodeOpen({ channel: 1, protocol: '/idle/1', priority: 2, proof }),
      encodeData({ channel: 1, sequence: 100_000, hasMore: false, payload: pattern(1) }),
    ],
    'a message without end': (_a, proof) => [
      encodeOpen({ channel: 1, protocol: '/idle/1', priority: 2, proof }),
      ...Array.from({ length: 300 }, (_, index) =>
        encodeData({ channel: 1, sequence: index + 1, hasMore: true, payload: pattern(1) }),
      ),
    ],
    'an acknowledgement of what was never sent': (_a, proof) => [
      encodeOpen({ channel: 1, protocol: '/idle/1', priority: 2, proof }),
      encodeAck({ channel: 1, next: 1_000, credit: 0 }),
    ],
    'more proofs than anybody has databases': () => [
      createByteWriter()
        .u8(frameKind.membership)
        .varint(257)
        .bytes(new Uint8Array(257 * 32))
        .finish(),
    ],
  }

  it.each(Object.entries(breaches))('%s', async (_name, frames) => {
    const at = await scene()
    at.victim.network.handle('/idle/1', () => {
      // Never reads.
    })
    const { roles } = await greet(at.attacker)
    const proof = await confirm(at.attacker, roles, secret)
    await expect.poll(() => at.victim.network.isPeerConnected(at.attacker.key.peerId)).toBe(true)
    for (const frame of frames(at.attacker, proof)) {
      // The victim may close while we still send.
      await at.attacker.connection.send(frame).catch(() => undefined)
    }
    await expectExpelled(at)
  })

  it('HO1: says nothing after a hello that was confirmed with no proof', async () => {
    const at = await scene({ unsharedGraceMs: 1_000 })
    await greet(at.attacker)
    await expectExpelled(at)
    expect(at.refused[0]?.code).toBe('ERR_NO_SHARED_DATABASE')
  })

  it('ID1: right topic, no secret', async () => {
    const at = await scene({ unsharedGraceMs: 1_000 })
    const { roles } = await greet(at.attacker)
    await confirm(at.attacker, roles, new Uint8Array(32).fill(8))
    await expectExpelled(at)
    expect(at.refused[0]?.code).toBe('ERR_NO_SHARED_DATABASE')
  })

  it('ID4: our own proof, reflected', async () => {
    const at = await scene({ unsharedGraceMs: 1_000 })
    const { welcome } = await greet(at.attacker)
    const { proofs } = welcome
    expect(proofs).toHaveLength(1)
    await at.attacker.connection.send(encodeProofs({ kind: frameKind.confirm, proofs }))
    await expectExpelled(at)
  })

  it('ID4: a proof of another session, replayed with the same nonce', async () => {
    const at = await scene({ unsharedGraceMs: 1_000 })
    const nonce = pattern(32, 5)
    const first = await greet(at.attacker, { nonce })
    const proof = await confirm(at.attacker, first.roles, secret)
    await expect
      .poll(() => at.victim.network.session(at.attacker.key.peerId)?.databases.size)
      .toBe(1)
    const second = await attack(at.victim, secret)
    await greet(second, { nonce })
    await second.connection.send(encodeProofs({ kind: frameKind.confirm, proofs: [proof] }))
    await second.connection.closed
    expect(at.victim.network.isPeerConnected(second.key.peerId)).toBe(false)
    await at.talk()
  })

  it('skips optional kinds that it does not know', async () => {
    const at = await scene()
    const { roles } = await greet(at.attacker)
    await confirm(at.attacker, roles, secret)
    await at.attacker.connection.send(Uint8Array.of(0x80, 1, 2, 3))
    await expect
      .poll(() => at.victim.network.session(at.attacker.key.peerId)?.databases.size)
      .toBe(1)
    await at.talk()
  })
})

/** Dials somebody who answers the hello with `answer`. */
async function dialOneWhoSays(answer: (hello: HelloFrame) => Uint8Array): Promise<unknown> {
  const node = await startNode({ unsharedGraceMs: 1_000 })
  await node.network.join({ id: 'db', secret })
  const address = await listenAndAnswer(secret, answer)
  const error: unknown = await node.network.connectPeer(address).catch((cause: unknown) => cause)
  return isNetworkError(error) ? error.code : error
}

describe('connectPeer', () => {
  it('says that the peer speaks another version', async () => {
    const code = await dialOneWhoSays(() =>
      encodeCode({ kind: frameKind.refused, code: 'ERR_VERSION_MISMATCH' }),
    )
    expect(code).toBe('ERR_VERSION_MISMATCH')
  })

  it('says that no database is shared', async () => {
    const code = await dialOneWhoSays(() => encodeWelcome(welcomeFields()))
    expect(code).toBe('ERR_NO_SHARED_DATABASE')
  })

  it('says that the answer was garbage, or a session that was not asked for', async () => {
    expect(await dialOneWhoSays(() => pattern(50, 9))).toBe('ERR_SESSION_PROTOCOL')
    const resumed = { number: 1, positions: [] }
    const code = await dialOneWhoSays(() => encodeWelcome({ ...welcomeFields(), resumed }))
    expect(code).toBe('ERR_SESSION_PROTOCOL')
  })

  it('says that no transport knows the address', async () => {
    const node = await startNode()
    await expect(node.network.connectPeer('radio://1')).rejects.toMatchObject({
      code: 'ERR_NO_TRANSPORT',
    })
  })
})
