/**
 * A peer that nobody here wrote, in a process of its own: the plain stack, and our
 * documented formats by hand. Arguments: `provide` or `find`, the topic in hex, and the
 * multiaddr of a bootstrap node. Prints what happens, a word and a value per line.
 */
import process from 'node:process'
import type { Connection, Stream } from '@libp2p/interface'
import { kadDHT, passthroughMapper, type KadDHT, type KadDHTComponents } from '@libp2p/kad-dht'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create as createDigest } from 'multiformats/hashes/digest'
import { createPlainNode, frame } from './plain-node.ts'

const [, , role, topicHex = '', bootstrap = ''] = process.argv
const topic = Buffer.from(topicHex, 'hex')
const cid = CID.createV1(raw.code, createDigest(0x12, topic))
const { blake2b256 } = await loadBlake2b()

let dht: KadDHT | undefined
const createDht = kadDHT({
  protocol: '/vudo/kad/1.0.0',
  clientMode: false,
  peerInfoMapper: passthroughMapper,
  allowQueryWithZeroPeers: true,
})
const node = await createPlainNode({
  services: {
    dht: (components: unknown) => (dht = createDht(components as KadDHTComponents)),
  },
})
const self = keyOf(node.peerId)
await node.handle('/vudo/link/1', (stream, connection) => {
  stream.send(frame(3, new Uint8Array()))
  speak(stream, connection)
})
await node.dial(multiaddr(bootstrap))
await (role === 'provide' ? provide() : find())

/** Tells the DHT that we are under the topic, as often as it takes for somebody to hear it. */
async function provide(): Promise<void> {
  let told = 0
  while (told === 0) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    for await (const { name } of dht!.provide(cid)) if (name === 'PEER_RESPONSE') told++
  }
  console.log('provided', self.toString('hex'))
}

/** Looks until somebody is under the topic, and dials whoever it is. */
async function find(): Promise<void> {
  for (;;) {
    // Who knows nobody yet is answered at once, and must let the network have its turn.
    await new Promise((resolve) => setTimeout(resolve, 50))
    for await (const event of dht!.findProviders(cid)) {
      const [found] = event.name === 'PROVIDER' ? event.providers : []
      if (!found || found.id.equals(node.peerId)) continue
      const connection = await node.dial(found.multiaddrs)
      console.log('found', keyOf(connection.remotePeer).toString('hex'))
      speak(await connection.newStream('/vudo/link/1'), connection)
      return
    }
  }
}

/** A hello and the joined topic, as `docs/wire-formats/swarm.md` has them, and an echo of every message. */
function speak(stream: Stream, { remotePeer }: Connection): void {
  const nonce = Buffer.alloc(32, 7)
  const domain = Buffer.from('vudo/topic/blind/1')
  const tag = blake2b256(topic, Buffer.concat([domain, self, keyOf(remotePeer), nonce]))
  const hello = record(1, Buffer.concat([Uint8Array.of(1), nonce]))
  stream.send(frame(1, Buffer.concat([hello, record(2, tag)])))
  let bytes = Buffer.alloc(0)
  stream.addEventListener('message', ({ data }) => {
    bytes = Buffer.concat([bytes, data.subarray()])
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
      const end = 4 + bytes.readUInt32BE()
      const [lane, message] = [bytes[4], bytes.subarray(5, end)]
      bytes = bytes.subarray(end)
      if (lane !== 0) continue
      console.log('message', message.toString())
      stream.send(frame(0, message))
    }
  })
}

function record(kind: number, body: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(kind, body.length >> 8, body.length), body])
}

function keyOf({ publicKey }: Connection['remotePeer']): Buffer {
  return Buffer.from(publicKey?.raw ?? [])
}

/** node:crypto has BLAKE2b with 64 bytes and without a key only. */
async function loadBlake2b() {
  const { blake2b } = await import('@noble/hashes/blake2.js')
  return {
    blake2b256: (key: Uint8Array, message: Uint8Array) => blake2b(message, { dkLen: 32, key }),
  }
}
