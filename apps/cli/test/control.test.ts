import { connect } from 'node:net'
import { statSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { controlAddress } from '../src/control/address.ts'
import { connectToNode } from '../src/control/client.ts'
import { listenForCommands, type Operation } from '../src/control/server.ts'
import { CliError } from '../src/errors.ts'
import { MAX_CONTROL_MESSAGE_BYTES, MAX_OPEN_REQUESTS } from '../src/limits.ts'
import { scratchFolder } from './run-vudo.ts'

async function serve(operations: Record<string, Operation>): Promise<string> {
  const dataDir = scratchFolder()
  const server = await listenForCommands(dataDir, new Map(Object.entries(operations)))
  onTestFinished(() => server.close())
  return dataDir
}

it('answers, streams and passes errors on with code and hint', async () => {
  const dataDir = await serve({
    echo: async (args) => args,
    count: async function* () {
      yield 1
      yield 2
    },
    fail: async () => {
      throw new CliError('ERR_DOCUMENT_NOT_FOUND', 'not here', { hint: 'look there' })
    },
  })
  const client = await connectToNode(dataDir)
  expect(await client.call('echo', { a: [1, 'zwei'] })).toEqual({ a: [1, 'zwei'] })
  await expect(client.call('fail')).rejects.toMatchObject({
    code: 'ERR_DOCUMENT_NOT_FOUND',
    hint: 'look there',
  })
  await expect(client.call('nothing')).rejects.toMatchObject({ code: 'ERR_CONTROL_PROTOCOL' })
  const items: unknown[] = []
  for await (const item of client.stream('count')) items.push(item)
  expect(items).toEqual([1, 2])
})

it('keeps calls back that would be more than the node takes at one time', async () => {
  const release = Promise.withResolvers<void>()
  let most = 0
  let open = 0
  const dataDir = await serve({
    slow: async ({ at }) => {
      most = Math.max(most, ++open)
      await release.promise
      open--
      return at
    },
  })
  const client = await connectToNode(dataDir)
  const numbers = Array.from({ length: 5 * MAX_OPEN_REQUESTS }, (_, at) => at)
  const answers = Promise.all(numbers.map((at) => client.call('slow', { at })))
  await expect.poll(() => open).toBeGreaterThan(1)
  release.resolve()
  expect(await answers).toEqual(numbers)
  expect(most).toBeLessThanOrEqual(MAX_OPEN_REQUESTS)
  await client.close()
})

it('lets go of whoever does not speak the protocol, and serves on', async () => {
  const dataDir = await serve({ echo: async (args) => args })
  for (const garbage of [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from([0, 0, 0, 2, 0xff, 0xff]),
    Buffer.from([0xff, 0xff, 0xff, 0xff]),
  ]) {
    const socket = connect(controlAddress(dataDir))
    const closed = new Promise((resolve) => void socket.once('close', resolve))
    socket.on('error', () => {})
    socket.write(garbage)
    await closed
  }
  const client = await connectToNode(dataDir)
  onTestFinished(() => client.close())
  expect(await client.call('echo', { still: 'here' })).toEqual({ still: 'here' })
})

it('takes half a surrogate pair neither as input nor as the end of the node', async () => {
  const dataDir = await serve({
    fail: async () => {
      throw new CliError('ERR_INPUT_INVALID', 'no \ud800 here')
    },
    item: async () => '\ud800',
  })
  const client = await connectToNode(dataDir)
  onTestFinished(() => client.close())
  for (const [op, args] of [
    ['fail', {}],
    ['item', {}],
    ['fail', { text: '\ud800' }],
  ] as const) {
    await expect(client.call(op, args)).rejects.toMatchObject({ code: 'ERR_INPUT_INVALID' })
  }
})

it('says that an answer is too large for the socket instead of going away', async () => {
  const dataDir = await serve({
    large: async () => new Uint8Array(MAX_CONTROL_MESSAGE_BYTES),
    small: async () => 'small',
  })
  const client = await connectToNode(dataDir)
  onTestFinished(() => client.close())
  await expect(client.call('large')).rejects.toMatchObject({ code: 'ERR_INPUT_INVALID' })
  expect(await client.call('small')).toBe('small')
})

it('makes the node wait for a reader that does not read', async () => {
  let produced = 0
  const dataDir = await serve({
    lines: async function* () {
      for (; produced < 20_000; produced++) yield 'x'.repeat(1_000)
    },
  })
  const client = await connectToNode(dataDir)
  const read: unknown[] = []
  let producedWhileWaiting = 0
  for await (const item of client.stream('lines')) {
    read.push(item)
    if (read.length > 1) continue
    // Until nothing more comes by itself: the buffers between both ends are full.
    for (let before = -1; before !== produced;) {
      before = produced
      await sleep(100)
    }
    producedWhileWaiting = produced
  }
  expect(producedWhileWaiting).toBeLessThan(10_000)
  expect(read).toHaveLength(20_000)
})

it.skipIf(process.platform === 'win32')('is for its user alone', async () => {
  const dataDir = await serve({})
  expect(statSync(controlAddress(dataDir)).mode & 0o077).toBe(0)
})

it('stops a stream when its reader has gone', async () => {
  const stopped = Promise.withResolvers<void>()
  const dataDir = await serve({
    endless: async function* (_, signal) {
      signal.addEventListener('abort', () => stopped.resolve())
      for (let i = 0; !signal.aborted; i++) {
        yield i
        await new Promise((resolve) => void setImmediate(resolve))
      }
    },
  })
  const client = await connectToNode(dataDir)
  for await (const item of client.stream('endless')) if (item === 3) break
  await expect(stopped.promise).resolves.toBeUndefined()
})
