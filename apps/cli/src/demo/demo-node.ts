import { type ChildProcess, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { connectToNode, type ControlClient } from '../control/client.ts'
import { isMap } from '../control/protocol.ts'
import { CliError } from '../errors.ts'

/** One of the demo's two nodes: a process of its own, steered as any command steers a node. */
export interface DemoNode {
  readonly name: string
  readonly dataDir: string
  readonly pid: number
  readonly peerId: string
  /** Where it accepts connections, best first. */
  readonly addresses: readonly string[]
  readonly control: ControlClient
  /** Ends the process as a power switch would. */
  kill(): Promise<void>
  /** Lets it say goodbye. */
  stop(): Promise<void>
}

/** What a demo node is started with. */
export interface DemoNodeInit {
  readonly name: string
  readonly dataDir: string
  /** A ticket; left out, the node makes a database of its own. */
  readonly database?: string | undefined
  /** Leaves the process running when the demo ends. */
  readonly isKept: boolean
}

/** Starts a node that keeps to this machine, and waits until it is ready. */
export async function startDemoNode(init: DemoNodeInit): Promise<DemoNode> {
  const child = spawnNode(init)
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
  try {
    const ready = await readyLine(init.name, child)
    const control = await connectToNode(init.dataDir)
    return {
      name: init.name,
      dataDir: init.dataDir,
      pid: child.pid ?? 0,
      peerId: String(ready['peerId']),
      addresses: Array.isArray(ready['addresses']) ? ready['addresses'].map(String) : [],
      control,
      kill: async () => {
        child.ref()
        child.kill('SIGKILL')
        await Promise.all([exited, control.close()])
      },
      stop: async () => {
        child.ref()
        await control.close()
        child.kill('SIGTERM')
        await exited
      },
    }
  } catch (error) {
    child.ref()
    child.kill('SIGKILL')
    await exited
    throw error
  }
}

function spawnNode({ dataDir, database, isKept }: DemoNodeInit): ChildProcess {
  const main = import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js'
  const args = [
    path.resolve(import.meta.dirname, main),
    'node',
    '--json',
    '--data-dir',
    dataDir,
    '--bind',
    '127.0.0.1:0',
    '--mdns-interface',
    '127.0.0.1',
    ...(database === undefined ? [] : ['--database', database]),
  ]
  const log = openSync(path.join(dataDir, 'node.log'), 'a', 0o600)
  // A node that is kept must not depend on this process's end of a pipe after it has said that it is ready.
  return spawn(process.execPath, args, { detached: isKept, stdio: ['ignore', 'pipe', log] })
}

/** The first line that a node prints says who it is and where. */
async function readyLine(name: string, child: ChildProcess): Promise<Record<string, unknown>> {
  if (!child.stdout) throw new TypeError('the node has no standard output')
  const lines = createInterface(child.stdout)
  try {
    for await (const line of lines) {
      const event: unknown = JSON.parse(line)
      if (isMap(event) && event['event'] === 'ready') return event
    }
  } finally {
    lines.close()
    child.stdout.resume()
    // A node that is kept must not hold this process; whoever waits for its end refs it again.
    child.unref()
  }
  throw new CliError('ERR_DEMO_FAILED', `node ${name} ended before it was ready`, {
    hint: 'its folder holds node.log; vudo doctor checks what a node needs',
  })
}
