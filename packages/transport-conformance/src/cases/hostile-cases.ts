import { check } from '../errors.ts'
import { HANDSHAKE_SLACK_MS } from '../limits.ts'
import { reasonOf, type ConformanceOptions, type RawAccess, type RawEnd } from '../options.ts'
import { atMost, createMessage, type Meeting, type Scene } from '../scene.ts'
import type { ConformanceCase } from './case.ts'
import { exchange } from './topic-cases.ts'

/** Peers that do not keep to the protocol. They cost their own connection, and nothing else. */
export const hostileCases: readonly ConformanceCase[] = [
  {
    id: 'half-open-peer',
    title: 'drops a peer that never speaks, and serves others meanwhile',
    skipReason: rawReason,
    async run(scene) {
      const { meeting, raw, address } = await prepare(scene)
      const silent = [await open(scene, raw.dial(address)), await open(scene, raw.dial(address))]
      await serves(scene, meeting)
      for (const end of silent) await dropped(scene, end, 'a peer that never speaks')
    },
  },
  {
    id: 'garbage',
    title: 'ends only the connection on which garbage comes',
    skipReason: rawReason,
    async run(scene) {
      const { meeting, raw, address } = await prepare(scene)
      const garbage = [
        createMessage(1_000, 3),
        new Uint8Array(1_000),
        new Uint8Array(1_000).fill(0xff),
        new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'),
      ]
      for (const bytes of garbage) {
        const end = await open(scene, raw.dial(address))
        // It may be closed while we still write.
        await Promise.resolve(end.send(bytes)).catch(() => undefined)
        await dropped(scene, end, 'a peer that sends garbage')
        await exchange(scene, meeting.ab, meeting.ba)
      }
      await serves(scene, meeting)
    },
  },
  {
    id: 'oversize',
    title: 'ends only the connection on which a message above the maximum comes',
    skipReason: (options) => rawReason(options) ?? oversizeReason(options),
    async run(scene) {
      const { meeting, raw, address } = await prepare(scene)
      if (typeof raw.oversize === 'string') return
      const end = await open(scene, raw.oversize(address))
      await dropped(scene, end, 'a peer that sends too much')
      await exchange(scene, meeting.ab, meeting.ba)
      await serves(scene, meeting)
    },
  },
]

function rawReason({ raw }: ConformanceOptions): string | undefined {
  return reasonOf(raw)
}

function oversizeReason({ raw }: ConformanceOptions): string | undefined {
  return typeof raw === 'string' ? undefined : reasonOf(raw.oversize)
}

interface Attack {
  readonly meeting: Meeting
  readonly raw: RawAccess
  readonly address: string
}

/** Two honest peers with a connection, of whom `b` will be attacked. */
async function prepare(scene: Scene): Promise<Attack> {
  const { raw } = scene.options
  check(typeof raw !== 'string', 'this case needs raw access')
  const meeting = await scene.meet()
  return { meeting, raw, address: await scene.addressOf(meeting.b) }
}

async function open(scene: Scene, opening: Promise<RawEnd>): Promise<RawEnd> {
  const end = await scene.during('raw access', opening)
  scene.onCleanup(() => end.close())
  return end
}

/** The attacked peer still has its connection, and takes a new one. */
async function serves(scene: Scene, { b, ab, ba, topic }: Meeting): Promise<void> {
  await exchange(scene, ab, ba)
  const admit = ({ id }: { id: string }): boolean => id === b.id
  const newcomer = scene.join(await scene.createPeer(), topic, { admit })
  await scene.first(newcomer, 'an honest newcomer')
}

async function dropped(scene: Scene, end: RawEnd, what: string): Promise<void> {
  const limitMs = scene.handshakeTimeoutMs + HANDSHAKE_SLACK_MS
  const isDropped = await atMost(end.closed, limitMs)
  check(isDropped, `${what} is not dropped within ${limitMs} ms`)
}
