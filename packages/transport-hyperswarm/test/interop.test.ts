import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { Connection, Topic } from '@vudo/transport'
import { hyperswarm } from '@vudo/transport-hyperswarm'
import { startBootstrap, type Bootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { createContext } from './nodes.ts'

// Real sockets on a machine that may have other things to do.
vi.setConfig({ testTimeout: 30_000 })

interface Told {
  readonly event: string
  readonly [detail: string]: unknown
}

/** A peer that nobody here wrote, in a process of its own. */
interface PlainProcess {
  /** The next thing it tells under that name, or the first one that nobody has asked for. */
  heard(event: string): Promise<Told>
  /** Lets it end. */
  end(): Promise<void>
}

function startPlain({ host, port }: Bootstrap, topic: Topic): PlainProcess {
  const file = new URL('plain-hyperswarm.mjs', import.meta.url).pathname
  const args = [file, host, String(port), Buffer.from(topic).toString('hex')]
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const told: Told[] = []
  let changed = Promise.withResolvers<void>()
  createInterface({ input: child.stdout! }).on('line', (line) => {
    told.push(JSON.parse(line) as Told)
    changed.resolve()
    changed = Promise.withResolvers()
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  onTestFinished(() => {
    child.kill()
    return ended
  })
  return {
    async heard(event) {
      for (;;) {
        const found = told.find((one) => one.event === event)
        if (found) {
          told.splice(told.indexOf(found), 1)
          return found
        }
        await changed.promise
      }
    },
    async end() {
      child.stdin!.end()
      await ended
    },
  }
}

async function setUp(): Promise<{ bootstrap: Bootstrap; topic: Topic }> {
  const bootstrap = await startBootstrap()
  onTestFinished(() => bootstrap.close())
  return { bootstrap, topic: new Uint8Array(randomBytes(32)) }
}

interface Ours {
  readonly id: string
  readonly listening: Promise<void>
  readonly first: Promise<Connection>
}

function joinAs(bootstrap: Bootstrap, topic: Topic): Ours {
  const context = createContext({ bootstrapNodes: [bootstrap.address] })
  const transport = hyperswarm()(context)
  onTestFinished(() => transport.disconnect())
  const joining = transport.connect(topic)[Symbol.asyncIterator]()
  const first = joining.next().then(({ value }) => value as Connection)
  return { id: context.peerId, listening: transport.announce(topic), first }
}

async function expectToConverse(plain: PlainProcess, ours: Ours): Promise<void> {
  const connection = await ours.first
  expect(await plain.heard('connection')).toMatchObject({ peer: ours.id })
  expect(connection.peerId).toBe((await plain.heard('joined'))['key'])
  expect(await plain.heard('greeting')).toMatchObject({ text: 'vudo/1' })
  expect(await plain.heard('control')).toMatchObject({ kind: 1, namesTopic: true })
  await connection.send(Uint8Array.of(1, 2, 3))
  expect(await plain.heard('message')).toMatchObject({ hex: '010203' })
  expect(await connection.receive()).toEqual(Uint8Array.of(3, 2, 1))
}

it('is found and reached by a plain Hyperswarm peer that comes later', async () => {
  const { bootstrap, topic } = await setUp()
  const ours = joinAs(bootstrap, topic)
  await ours.listening
  const plain = startPlain(bootstrap, topic)
  await expectToConverse(plain, ours)
  const connection = await ours.first
  await connection.close()
  await plain.heard('goodbye')
  expect(await connection.closed).toMatchObject({ clean: true })
  await plain.heard('close')
  await plain.end()
})

it('finds and reaches a plain Hyperswarm peer that was there first, and notices that it left', async () => {
  const { bootstrap, topic } = await setUp()
  const plain = startPlain(bootstrap, topic)
  await plain.heard('ready')
  const ours = joinAs(bootstrap, topic)
  await expectToConverse(plain, ours)
  await plain.end()
  const connection = await ours.first
  await expect(connection.receive()).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' })
})

it('finds and reaches one that joins at the same moment', async () => {
  const { bootstrap, topic } = await setUp()
  const plain = startPlain(bootstrap, topic)
  await expectToConverse(plain, joinAs(bootstrap, topic))
  await plain.end()
})
