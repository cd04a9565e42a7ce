import { createSocket } from 'node:dgram'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { canIsolate, scratchFolder, start, vudo, vudoIsolated } from './run-vudo.ts'

/** A few files, so that the demo takes its time on the story and not on the size. */
function someDocuments(): string {
  const folder = scratchFolder()
  mkdirSync(path.join(folder, 'docs'))
  for (const name of ['README.md', 'docs/a.md', 'docs/b.md', 'docs/c.md']) {
    writeFileSync(path.join(folder, name), `# ${name}\n\nA paragraph.\n`)
  }
  // Not every file has a heading.
  writeFileSync(path.join(folder, 'docs/a.md'), 'A paragraph.\n')
  return folder
}

/** Does a multicast packet on the loopback interface come back? */
async function hasMulticast(): Promise<boolean> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  const outcome = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => outcome.resolve(false), 2_000)
  socket.on('error', () => outcome.resolve(false))
  socket.on('message', () => outcome.resolve(true))
  socket.bind(0, () => {
    socket.addMembership('224.0.0.251', '127.0.0.1')
    socket.setMulticastInterface('127.0.0.1')
    socket.send('?', socket.address().port, '224.0.0.251')
  })
  try {
    return await outcome.promise
  } finally {
    clearTimeout(timer)
    socket.close()
  }
}

it('converges, and says how many documents and changes', async () => {
  const { status, stdout, stderr } = await vudo(['demo', '--folder', someDocuments()])
  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect(stdout).toContain('A sees B there, and B sees A')
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^converged: 4 documents, \d+ changes$/)
}, 120_000)

it('finds its peer by mDNS wherever multicast works, and not by the fallback', async (context) => {
  if (!(await hasMulticast())) context.skip('no multicast on the loopback interface')
  const { status, stdout } = await vudo(['demo', '--json', '--folder', someDocuments()])
  expect(status).toBe(0)
  const result: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  expect(result).toMatchObject({
    documents: 4,
    foundBy: 'mdns',
    present: { A: ['B'], B: ['A'] },
  })
}, 120_000)

/** Runs the demo over a stack and gives what it printed last. */
async function demoOver(transport: string, run: typeof vudo): Promise<unknown> {
  const args = ['demo', '--json', '--folder', someDocuments(), '--transport', transport]
  const { status, stdout, stderr } = await run(args)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.filter((line) => line.includes(`over ${transport}`))).toHaveLength(1)
  return JSON.parse(lines.at(-1) ?? '')
}

it('converges over libp2p', async () => {
  expect(await demoOver('libp2p', vudo)).toMatchObject({ documents: 4, foundBy: 'mdns' })
}, 120_000)

it('converges over hyperswarm, in a hash table of its own', async () => {
  expect(await demoOver('hyperswarm', vudo)).toMatchObject({ documents: 4, foundBy: 'dht' })
}, 120_000)

it('converges over relay, at one of its own', async () => {
  expect(await demoOver('relay', vudo)).toMatchObject({ documents: 4, foundBy: 'relay' })
}, 120_000)

it('auto: meets at a relay of its own, and goes on directly beside it', async () => {
  const args = ['demo', '--json', '--folder', someDocuments(), '--transport', 'auto']
  const { status, stdout, stderr } = await vudo(args)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const result: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  expect(result).toMatchObject({ documents: 4, foundBy: 'relay', transports: ['tcp', 'relay'] })
  const [direct, relayed] = [
    { transport: 'tcp', relayed: false },
    { transport: 'relay', relayed: true },
  ]
  expect(result).toMatchObject({ paths: expect.arrayContaining([direct, relayed]) })
}, 120_000)

it('converges over iroh', async (context) => {
  // That stack asks the router for a port whatever it is told, and tests keep to this machine.
  if (!canIsolate()) context.skip('this machine makes no network namespaces')
  expect(await demoOver('iroh', vudoIsolated)).toMatchObject({ documents: 4, foundBy: 'mdns' })
}, 120_000)

it('ends both nodes at Ctrl-C', async () => {
  const demo = start(['demo', '--json', '--folder', someDocuments()])
  const pids: number[] = []
  demo.stdout?.on('data', (chunk: Buffer) => {
    for (const match of chunk.toString().matchAll(/runs as process (\d+)/g))
      pids.push(Number(match[1]))
    // Once: a second Ctrl-C ends the demo without waiting for its nodes.
    if (pids.length === 2 && !demo.killed) demo.kill('SIGINT')
  })
  const status = await new Promise((resolve) => void demo.once('exit', resolve))
  expect(status).toBe(130)
  expect(pids.map(isAlive)).toEqual([false, false])
}, 120_000)

it('says what to do in a folder without Markdown', async () => {
  const { status, stderr } = await vudo(['demo', '--folder', scratchFolder()])
  expect(status).toBe(1)
  expect(stderr).toContain('--folder')
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
