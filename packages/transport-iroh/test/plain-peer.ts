/**
 * A peer that knows nothing of ours but the documents of the wire formats: the bare
 * library, in a process of its own. Arguments: our key, `ip:port`, and the topic. It
 * dials, joins the topic, sends a message, prints the answer, and says goodbye.
 */
import { randomBytes } from 'node:crypto'
import { argv, stdout } from 'node:process'
import { blake2b } from '@noble/hashes/blake2.js'
import {
  Endpoint,
  EndpointAddr,
  EndpointId,
  presetMinimal,
  RelayMode,
} from '@number0/iroh/index.js'

const [key = '', at = '', topicText = ''] = argv.slice(2)
const ascii = (text: string): number[] => [...Buffer.from(text, 'ascii')]
const builder = Endpoint.builder()
presetMinimal(builder)
builder.relayMode(RelayMode.disabled())
builder.bindAddr('127.0.0.1:0')
const endpoint = await builder.bind()
const target = new EndpointAddr(EndpointId.fromString(key), null, [at])
const connection = await endpoint.connect(target, ascii('/vudo/link/1'))
const { send, recv } = await connection.openBi()

/** iroh.md: length, lane, message. */
async function sendFrame(lane: number, message: readonly number[]): Promise<void> {
  const length = 1 + message.length
  await send.writeAll([0, 0, length >> 8, length & 0xff, lane, ...message])
}

async function receiveFrame(): Promise<{ lane: number | undefined; message: number[] }> {
  const [, , high = 0, low = 0] = await recv.readExact(4)
  const [lane, ...message] = await recv.readExact(high * 256 + low)
  return { lane, message }
}

/** swarm.md: hello with version 1 and a nonce, join with the tag of the topic. */
function helloAndJoin(): number[] {
  const nonce = [...randomBytes(32)]
  const ends = [...endpoint.id().toBytes(), ...EndpointId.fromString(key).toBytes()]
  const blinded = Uint8Array.from([...ascii('vudo/topic/blind/1'), ...ends, ...nonce])
  const tag = blake2b(blinded, { key: Buffer.from(topicText, 'hex'), dkLen: 32 })
  return [1, 0, 33, 1, ...nonce, 2, 0, 32, ...tag]
}

await sendFrame(3, [])
await sendFrame(1, helloAndJoin())
await sendFrame(0, ascii('from a stranger'))
const lanesSeen: (number | undefined)[] = []
for (;;) {
  const { lane, message } = await receiveFrame()
  lanesSeen.push(lane)
  if (lane !== 0) continue
  stdout.write(
    `${JSON.stringify({ first: lanesSeen[0], heard: Buffer.from(message).toString() })}\n`,
  )
  break
}
await sendFrame(2, [])
await send.finish()
// Ours has read the goodbye when its own stream ends.
await recv.readToEnd(1_000)
connection.close(0n, [])
await endpoint.close()
