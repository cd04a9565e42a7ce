/** A peer that speaks the wire format by hand: whatever it likes, after a true transport handshake. */
import { createNodeKey, randomBytes, type NodeKey } from '@vudo/identity'
import { derivePrivateTopic } from '@vudo/topic'
import type { Connection, Transport } from '@vudo/transport'
import { hexToBytes } from '@vudo/wire'
import { onTestFinished } from 'vitest'
import { deriveDatabaseKey, membershipProof, type MembershipInit } from '../src/membership.ts'
import { frameKind, type HelloFrame, type WelcomeFrame } from '../src/frames.ts'
import { decodeFrame, encodeHello, encodeProofs } from '../src/wire.ts'
import { tcpTransport, type TestNode } from './nodes.ts'

export interface Attacker {
  readonly key: NodeKey
  readonly transport: Transport
  readonly connection: Connection
}

/** Knows the topic (the DHT does) and connects; says nothing yet. */
export async function attack(victim: TestNode, secret: Uint8Array, id = 'db'): Promise<Attacker> {
  const key = createNodeKey()
  const transport = tcpTransport(key)
  onTestFinished(() => transport.disconnect())
  const joined = transport.connect(derivePrivateTopic(id, secret), { admit: () => false })
  void drain(joined)
  const connection = await transport.dial(victim.address)
  return { key, transport, connection }
}

async function drain(connections: AsyncIterable<Connection>): Promise<void> {
  try {
    for await (const connection of connections) void connection.closed
  } catch {
    // The transport was disconnected.
  }
}

export function helloFields(over: Partial<HelloFrame> = {}): Omit<HelloFrame, 'kind'> {
  return {
    minVersion: 1,
    maxVersion: 1,
    nonce: randomBytes(32),
    instance: randomBytes(16),
    maxFrameBytes: 65_536,
    resume: undefined,
    record: new Uint8Array(0),
    ...over,
  }
}

/** Says a correct hello and returns the welcome, with what a member would prove with. */
export async function greet(
  { key, connection }: Attacker,
  over: Partial<HelloFrame> = {},
): Promise<{ readonly welcome: WelcomeFrame; readonly roles: MembershipInit }> {
  const hello = helloFields(over)
  await connection.send(encodeHello(hello))
  const bytes = await connection.receive()
  const welcome = bytes === undefined ? undefined : decodeFrame(bytes)
  if (welcome?.kind !== frameKind.welcome) throw new Error('no welcome')
  const roles: MembershipInit = {
    isDialer: true,
    dialerNonce: hello.nonce,
    acceptorNonce: welcome.nonce,
    self: key.publicKey,
    peer: hexToBytes(connection.peerId),
  }
  return { welcome, roles }
}

/** Proves membership as an honest peer would. */
export async function confirm(
  { connection }: Attacker,
  roles: MembershipInit,
  secret: Uint8Array,
): Promise<Uint8Array> {
  const proof = membershipProof(deriveDatabaseKey('db', secret).key, roles, true)
  await connection.send(encodeProofs({ kind: frameKind.confirm, proofs: [proof] }))
  return proof
}

export function welcomeFields(): Omit<WelcomeFrame, 'kind'> {
  return {
    version: 1,
    nonce: randomBytes(32),
    instance: randomBytes(16),
    maxFrameBytes: 65_536,
    resumed: undefined,
    proofs: [],
    record: new Uint8Array(0),
  }
}

/** Waits at the returned address and answers the first hello with whatever `answer` makes. */
export async function listenAndAnswer(
  secret: Uint8Array,
  answer: (hello: HelloFrame) => Uint8Array,
): Promise<string> {
  const transport = tcpTransport(createNodeKey())
  onTestFinished(() => transport.disconnect())
  await transport.listen()
  const joined = transport.connect(derivePrivateTopic('db', secret), { admit: () => false })
  void answerFirst(joined, answer)
  return transport.addresses[0] ?? ''
}

async function answerFirst(
  joined: AsyncIterable<Connection>,
  answer: (hello: HelloFrame) => Uint8Array,
): Promise<void> {
  try {
    for await (const connection of joined) {
      const bytes = await connection.receive()
      const hello = bytes && decodeFrame(bytes)
      if (hello?.kind === frameKind.hello) await connection.send(answer(hello))
    }
  } catch {
    // The victim closed the connection, or the transport was disconnected.
  }
}
