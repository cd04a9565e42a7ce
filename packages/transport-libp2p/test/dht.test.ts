import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { KadDHT } from '@libp2p/kad-dht'
import { createNodeKey, decodePeerRecord, signPeerRecord } from '@vudo/identity'
import type { Connection } from '@vudo/transport'
import type { Libp2pOptions } from '@vudo/transport-libp2p'
import { createDhtClient } from '../src/dht.ts'
import { loadKeys } from '../src/keys.ts'
import { createLibp2pMedium } from '../src/libp2p-medium.ts'
import { parseLibp2pOptions } from '../src/libp2p-options.ts'
import type { StackNode } from '../src/node.ts'
import { readRecord, recordKey, selectRecord } from '../src/peer-records.ts'
import { stackLoaders } from '../src/stack.ts'
import { topicToCid } from '../src/topic-cid.ts'
import {
  addressOf,
  createContext,
  createNode,
  createTopic,
  firstOf,
  until,
  type TestNode,
} from './nodes.ts'
import { addressOf as addressOfPlain, createPlainNode } from './plain-node.ts'

const limitMs = 60_000

function node(bootstrapNodes: string[], options: Libp2pOptions = {}): TestNode {
  const made = createNode({ bootstrapNodes }, options)
  onTestFinished(() => made.transport.disconnect())
  return made
}

/** Several, that know each other: one alone is a single point of failure. */
async function createBootstrapNodes(
  count: number,
): Promise<{ nodes: TestNode[]; addresses: string[] }> {
  const [nodes, addresses]: [TestNode[], string[]] = [[], []]
  for (let at = 0; at < count; at++) {
    const made = node(addresses.slice(), { enableDht: true })
    nodes.push(made)
    addresses.push(await addressOf(made))
  }
  return { nodes, addresses }
}

/** A process of the plain stack; `said` waits for a line that begins with a word, and gives the rest. */
function startPlainPeer(role: string, topic: Uint8Array, bootstrap: string) {
  const file = fileURLToPath(new URL('plain-peer.ts', import.meta.url))
  const args = [role, Buffer.from(topic).toString('hex'), bootstrap.slice('libp2p://'.length)]
  const child: ChildProcess = fork(file, args, { silent: true })
  let [out, errors] = ['', '']
  child.stdout?.on('data', (data) => (out += String(data)))
  child.stderr?.on('data', (data) => (errors += String(data)))
  onTestFinished(() => void child.kill())
  return {
    async said(word: string): Promise<string> {
      const line = (): string | undefined =>
        out
          .split('\n')
          .slice(0, -1)
          .find((one) => one.startsWith(`${word} `))
      await until(() => {
        if (child.exitCode !== null) throw new Error(`the plain peer ended: ${errors}`)
        return line() !== undefined
      })
      return line()!.slice(word.length + 1)
    },
  }
}

describe('the DHT', () => {
  it('is what finds, and says so', () => {
    expect(node([]).transport.features.discovers).toBe(false)
    expect(node([], { enableDht: true }).transport.features.discovers).toBe(true)
    expect(node(['libp2p:///ip4/127.0.0.1/tcp/9']).transport.features.discovers).toBe(true)
  })

  it(
    'finds by topic and by key, also when all bootstrap nodes have stopped',
    async () => {
      const { nodes: bootstrapNodes, addresses } = await createBootstrapNodes(2)
      const nodes = Array.from({ length: 4 }, () => node(addresses))
      const [a, b, c, d] = nodes as [TestNode, TestNode, TestNode, TestNode]
      const [topic, later] = [createTopic(), createTopic()]
      await Promise.all(nodes.map(({ transport }) => transport.announce(topic)))
      await until(async () => (await b.transport.lookup(topic)).some(({ id }) => id === a.id))
      await Promise.all(bootstrapNodes.map(({ transport }) => transport.disconnect()))

      await a.transport.announce(later)
      for (const { transport } of [b, c, d]) {
        const found = await transport.lookup(later)
        expect(found).toContainEqual({
          id: a.id,
          address: expect.stringContaining('/ip4/127.0.0.1/'),
        })
      }
      expect(await d.transport.lookup(createTopic())).toEqual([])
      const byKey = await d.transport.dial(`libp2p://${c.id}`)
      expect(byKey.peerId).toBe(c.id)
    },
    limitMs,
  )

  it(
    'lets two who join together meet',
    async () => {
      const { addresses } = await createBootstrapNodes(1)
      const [a, b] = [node(addresses), node(addresses)]
      const topic = createTopic()
      const [ab, ba] = await Promise.all([firstOf(a, topic), firstOf(b, topic)])
      expect([ab.peerId, ba.peerId]).toEqual([b.id, a.id])
    },
    limitMs,
  )

  it(
    'leads to the place at a relay where the address that it names does not',
    async () => {
      const relay = node([], { enableDht: true, relayService: true })
      const libp2pId = (await loadKeys(stackLoaders)).toLibp2pId(relay.id)
      const relayAddress = `${await addressOf(relay)}/p2p/${libp2pId.toString()}`
      // Neither can be called, as behind routers: nobody listens at the discard port.
      const announceAddresses = ['libp2p:///ip4/127.0.0.1/tcp/9']
      const there = node([relayAddress], { announceAddresses, relays: [relayAddress] })
      const here = node([relayAddress], { announceAddresses })
      const topic = createTopic()
      await there.transport.announce(topic)
      await until(async () => {
        const found = await here.transport.lookup(topic)
        return found.some(({ id }) => id === there.id)
      })
      let connection: Connection | undefined
      await until(async () => {
        connection = await here.transport.dial(there.id).catch(() => undefined)
        return connection !== undefined
      })
      expect(connection?.path).toMatchObject({ relayed: true })
    },
    limitMs,
  )

  it(
    'is found and reached by a peer that nobody here wrote',
    async () => {
      const { addresses } = await createBootstrapNodes(1)
      const ours = node(addresses)
      const topic = createTopic()
      const theirs = startPlainPeer('find', topic, addressWithId(addresses))
      const connection = await firstOf(ours, topic)
      expect(await theirs.said('found')).toBe(ours.id)
      await connection.send(new TextEncoder().encode('hello'))
      expect(await theirs.said('message')).toBe('hello')
      expect(new TextDecoder().decode(await connection.receive())).toBe('hello')
    },
    limitMs,
  )

  it(
    'finds and reaches a peer that nobody here wrote',
    async () => {
      const { addresses } = await createBootstrapNodes(1)
      const topic = createTopic()
      const theirs = startPlainPeer('provide', topic, addressWithId(addresses))
      const id = await theirs.said('provided')
      const ours = node(addresses)
      const connection = await firstOf(ours, topic)
      expect(connection.peerId).toBe(id)
      await connection.send(new TextEncoder().encode('hello'))
      expect(new TextDecoder().decode(await connection.receive())).toBe('hello')
    },
    limitMs,
  )

  it(
    'says so when no bootstrap node can be reached, and does not hold up connect',
    async () => {
      const ours = node(['libp2p:///ip4/127.0.0.1/tcp/9'])
      const topic = createTopic()
      await expect(ours.transport.announce(topic)).rejects.toMatchObject({
        code: 'ERR_DIAL_FAILED',
        message: 'none of the 1 bootstrap nodes could be reached',
      })
      await expect(ours.transport.lookup(topic)).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
      const there = createNode()
      onTestFinished(() => there.transport.disconnect())
      const dialled = firstOf(ours, topic)
      void ours.transport.dial(await addressOf(there)).catch(() => undefined)
      await Promise.all([dialled, firstOf(there, topic)])
    },
    limitMs,
  )

  it(
    'joins when a bootstrap node comes online that was not there at the start',
    async () => {
      const port = await freePort()
      const late = node([`libp2p:///ip4/127.0.0.1/tcp/${port}`])
      const topic = createTopic()
      await expect(late.transport.announce(topic)).rejects.toMatchObject({
        code: 'ERR_DIAL_FAILED',
      })
      const first = createNode({ port }, { enableDht: true })
      onTestFinished(() => first.transport.disconnect())
      const other = node([await addressOf(first)])
      await until(async () => {
        const found = await other.transport.lookup(topic)
        return found.some(({ id }) => id === late.id)
      })
      await late.transport.announce(topic)
      await other.transport.announce(topic)
      const found = await late.transport.lookup(topic)
      expect(found).toContainEqual(expect.objectContaining({ id: other.id }))
    },
    limitMs,
  )

  it(
    'tells who watches a topic, with a signal or without, until the loop is left',
    async () => {
      const { addresses } = await createBootstrapNodes(1)
      const there = node(addresses)
      const topic = createTopic()
      await there.transport.announce(topic)
      const context = createContext({ bootstrapNodes: addresses })
      const options = parseLibp2pOptions({ enableQuic: false }, context.settings)
      const medium = createLibp2pMedium(context, options)
      onTestFinished(() => medium.close())
      for (const given of [{}, { signal: new AbortController().signal }]) {
        const seen: string[] = []
        for await (const { id } of medium.watch?.(topic, given) ?? []) {
          seen.push(id)
          break
        }
        expect(seen).toEqual([there.id])
      }
    },
    limitMs,
  )

  it(
    'says so when the bootstrap node is no node of the DHT',
    async () => {
      const other = await createPlainNode()
      onTestFinished(() => other.stop())
      const ours = node([addressOfPlain(other)])
      await expect(ours.transport.announce(createTopic())).rejects.toMatchObject({
        code: 'ERR_DIAL_FAILED',
        message: 'the bootstrap nodes are no nodes of our DHT',
      })
    },
    limitMs,
  )
})

/** A port of loopback at which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

describe('private addresses', () => {
  const near = 'libp2p:///ip4/192.168.1.1/tcp/80'
  const far = 'libp2p:///ip4/203.0.113.8/tcp/80'

  /** A client of a DHT in which everybody knows the record of one peer, and what it puts there. */
  async function createClient(isPrivateNetwork: boolean) {
    const peer = createNodeKey()
    const record = signPeerRecord(peer, {
      addresses: [near, far],
      sequence: 1,
      expiresAtMs: Date.now() + 60_000,
      sealingKey: new Uint8Array(32),
    })
    const put = Promise.withResolvers<Uint8Array>()
    const dht = {
      routingTable: { size: 1 },
      async *get() {
        yield { name: 'VALUE', value: record.bytes }
      },
      async *findPeer() {},
      async *provide() {},
      async *put(_key: Uint8Array, value: Uint8Array) {
        yield put.resolve(value)
      },
    }
    const client = createDhtClient({
      node: {} as StackNode,
      dht: dht as unknown as KadDHT,
      keys: await loadKeys(stackLoaders),
      context: createContext(),
      topicToCid,
      bootstrapNodes: [],
      isPrivateNetwork,
    })
    onTestFinished(() => client.close())
    return { client, peerId: peer.peerId, put: put.promise }
  }

  it.each([
    ['the internet', false, [far]],
    ['a private network', true, [near, far]],
  ])('are told and dialled as befits %s', async (_where, isPrivateNetwork, expected) => {
    const { client, peerId, put } = await createClient(isPrivateNetwork)
    expect(await client.find(peerId, new AbortController().signal)).toEqual(expected)
    await client.announce(createTopic(), [near, far])
    expect(decodePeerRecord(await put, Date.now()).addresses).toEqual(expected)
  })
})

function addressWithId(addresses: readonly string[]): string {
  return addresses[0] ?? ''
}

describe('peer records in the DHT', () => {
  const nowMs = 1_700_000_000_000
  const key = createNodeKey()
  const sign = (sequence: number, addresses = ['libp2p:///ip4/127.0.0.1/tcp/1']) =>
    signPeerRecord(key, {
      addresses,
      sequence,
      expiresAtMs: nowMs + 60_000,
      sealingKey: new Uint8Array(32),
    }).bytes

  it('are read under the key of their peer', () => {
    expect(readRecord(recordKey(key.peerId), sign(1), nowMs)).toMatchObject({
      peerId: key.peerId,
      sequence: 1,
    })
  })

  it.each([
    ['of another peer', recordKey(createNodeKey().peerId), sign(1), 'another peer'],
    ['larger than a record', recordKey(key.peerId), new Uint8Array(1_000_000), '1000000 bytes'],
    ['with a bad signature', recordKey(key.peerId), tampered(sign(1)), 'not signed'],
    ['under a short key', new TextEncoder().encode('/vudo-peer/'), sign(1), 'key'],
    ['under an empty key', new Uint8Array(), sign(1), 'key'],
    ['of no bytes', recordKey(key.peerId), new Uint8Array(), ''],
  ])('are refused %s', (_what, name, value, message) => {
    expect(() => readRecord(name, value, nowMs)).toThrow(message)
  })

  it('are refused when they have expired', () => {
    expect(() => readRecord(recordKey(key.peerId), sign(1), nowMs + 60_001)).toThrow('expired')
  })

  it('give way to later ones, and broken ones to all', () => {
    const values = [tampered(sign(9)), sign(1), sign(3), sign(2)]
    expect(selectRecord(recordKey(key.peerId), values, nowMs)).toBe(2)
  })
})

function tampered(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice()
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  return changed
}

describe('a topic', () => {
  it('is the digest of a version 1 CID with codec raw, labelled sha2-256', () => {
    const topic = new Uint8Array(32).fill(7)
    expect(Buffer.from(topicToCid(topic).bytes).toString('hex')).toBe(`01551220${'07'.repeat(32)}`)
  })
})
