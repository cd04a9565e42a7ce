import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

/** A NATS or Redis server on this machine, that can be killed and started again at its port. */
export interface BackServer {
  readonly url: string
  start(): Promise<void>
  kill(): Promise<void>
}

/** Which servers this machine has: from `NATS_SERVER` and `REDIS_SERVER`, else from the path. */
export const programs: Readonly<Record<'nats' | 'redis', string | undefined>> = {
  nats: usable(process.env['NATS_SERVER'] ?? 'nats-server'),
  redis: usable(process.env['REDIS_SERVER'] ?? 'redis-server'),
}

function usable(program: string): string | undefined {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0 ? program : undefined
}

/** Makes a server that does not run yet. */
export async function createServerOf(kind: 'nats' | 'redis'): Promise<BackServer> {
  const port = await freePort()
  const folder = mkdtempSync(path.join(tmpdir(), 'vudo-relay-test-'))
  const args = {
    nats: ['-a', '127.0.0.1', '-p', String(port)],
    redis: `--bind 127.0.0.1 --port ${port} --dir ${folder} --appendonly no`
      .split(' ')
      .concat('--save', ''),
  }[kind]
  let child: ChildProcess | undefined
  return {
    url: `${kind}://127.0.0.1:${port}`,
    async start() {
      child = spawn(programs[kind] ?? '', args, { stdio: 'ignore' })
      while (!(await answers(port))) await sleep(20)
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      // A script that runs the server hands the signal on only if it replaced itself with it.
      child.kill('SIGKILL')
      await exited
    },
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
