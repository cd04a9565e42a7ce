import type { Connection } from '@vudo/transport'
import { check, checkCode } from '../errors.ts'
import { DEFAULT_MAX_UNREAD_BYTES, FLOOD_MESSAGE_BYTES, STALL_MS } from '../limits.ts'
import { atMost, createMessage, isEqual, type Scene } from '../scene.ts'
import type { ConformanceCase } from './case.ts'
import { exchange } from './topic-cases.ts'

/** Sizes that have broken transports: one byte, one below two bytes of length, 1 MiB, the declared maximum. */
const sizes = [1, 65_535, 1_048_576]

/** Messages: sizes, order, and what happens when nobody reads. */
export const messageCases: readonly ConformanceCase[] = [
  {
    id: 'message-sizes',
    title: 'carries messages of 1 byte up to the declared maximum unchanged',
    async run(scene) {
      const { ab, ba } = await scene.meet()
      const { maxMessageBytes } = scene
      for (const size of new Set([...sizes, maxMessageBytes])) {
        if (size > maxMessageBytes) continue
        const message = createMessage(size)
        const [, received] = await scene.during(
          `a message of ${size} bytes`,
          Promise.all([ab.send(message.slice()), ba.receive()]),
        )
        check(isEqual(received, message), `a message of ${size} bytes arrived changed`)
      }
    },
  },
  {
    id: 'message-size-refused',
    title: 'refuses to send 0 bytes and more than the maximum, and sends nothing',
    async run(scene) {
      const { ab, ba } = await scene.meet()
      for (const size of [0, scene.maxMessageBytes + 1]) {
        const sending = ab.send(new Uint8Array(size))
        await scene.during('send', checkCode(sending, `sending ${size} bytes`, 'ERR_MESSAGE_SIZE'))
      }
      await exchange(scene, ab, ba)
    },
  },
  {
    id: 'order',
    title: 'keeps the order of messages',
    async run(scene) {
      const numbers = await flow(scene)
      const firstWrong = numbers.findIndex((number, at) => number < (numbers[at - 1] ?? 0))
      check(firstWrong === -1, `message ${firstWrong} came out of order`)
    },
  },
  {
    id: 'no-duplicates',
    title: 'delivers every message once',
    async run(scene) {
      const numbers = await flow(scene)
      const missing = flowCount - new Set(numbers).size
      check(missing === 0, `${missing} of ${flowCount} messages did not arrive`)
      check(numbers.length === flowCount, `${numbers.length} messages, expected ${flowCount}`)
    },
  },
  {
    id: 'slow-reader',
    title: 'holds the sender back while nobody reads, and loses nothing',
    run: floodSlowReader,
  },
  {
    id: 'pipes',
    title: 'opens another pipe to the same peer',
    skipReason: ({ manifest }) => (manifest.pipes ? undefined : 'the manifest says no pipes'),
    async run(scene) {
      const { ab, ba } = await scene.meet()
      const pipe = await scene.during('openPipe', ab.openPipe?.())
      check(pipe !== undefined, 'openPipe gives a pipe')
      scene.onCleanup(() => pipe.close())
      await scene.during('sending on the pipe', pipe.send(createMessage(10)))
      await exchange(scene, ab, ba)
      await scene.during('closing the pipe', pipe.close())
      await exchange(scene, ab, ba)
    },
  },
]

const flowCount = 300

/** Sends numbered messages of many sizes, closes, and gives the numbers as they arrived. */
async function flow(scene: Scene): Promise<number[]> {
  const { ab, ba } = await scene.meet()
  const send = async (): Promise<void> => {
    for (let n = 0; n < flowCount; n++) {
      const message = createMessage(2 + ((n * 37) % 2_000))
      message[0] = n >> 8
      message[1] = n & 0xff
      await ab.send(message)
    }
    await ab.close()
  }
  const numbers: number[] = []
  const receive = async (): Promise<void> => {
    for await (const [high = 0, low = 0] of ba) numbers.push((high << 8) | low)
  }
  await scene.during(`${flowCount} messages`, Promise.all([send(), receive()]))
  return numbers
}

async function floodSlowReader(scene: Scene): Promise<void> {
  const { ab, ba } = await scene.meet()
  const size = Math.min(FLOOD_MESSAGE_BYTES, scene.maxMessageBytes)
  const maxBytes =
    (scene.options.maxUnreadBytes ?? DEFAULT_MAX_UNREAD_BYTES) + scene.maxMessageBytes
  const flood = createFlood(ab, { size, maxBytes })
  const sending = flood.run()
  let before = -1
  // Held back is who makes no progress; how fast the rest went is of no interest.
  await scene.until(async () => {
    const hasStalled = flood.sent === before
    before = flood.sent
    return hasStalled || flood.hasEnded || (await atMost(sending, STALL_MS))
  }, 'the sender to be held back')
  const pushed = flood.sent * size
  check(!flood.hasEnded, `${pushed} bytes were taken over unread, expected at most ${maxBytes}`)
  flood.stop()
  await scene.during('reading what was sent', Promise.all([drain(ba, flood), sending]))
}

interface Flood {
  readonly sent: number
  readonly hasEnded: boolean
  run(): Promise<void>
  stop(): void
}

function createFlood(
  connection: Connection,
  { size, maxBytes }: { readonly size: number; readonly maxBytes: number },
): Flood {
  const state = { sent: 0, isStopped: false, hasEnded: false }
  return {
    get sent() {
      return state.sent
    },
    get hasEnded() {
      return state.hasEnded
    },
    stop: () => void (state.isStopped = true),
    async run() {
      while (!state.isStopped && state.sent * size <= maxBytes) {
        await connection.send(createMessage(size, state.sent))
        state.sent++
      }
      state.hasEnded = true
      if (state.isStopped) await connection.close()
    },
  }
}

/** Reads to the end: everything that was sent has come, each message as it was sent. */
async function drain(connection: Connection, flood: Flood): Promise<void> {
  let count = 0
  for await (const message of connection) {
    const expected = createMessage(message.length, count)
    check(isEqual(message, expected), `message ${count} arrived changed or out of order`)
    count++
  }
  check(count === flood.sent, `${count} messages arrived, ${flood.sent} were taken over`)
}
