import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectToNode, type ControlClient } from '../control/client.ts'
import { isMap } from '../control/protocol.ts'
import { CliError } from '../errors.ts'

/** How long a node may take to start, in milliseconds. */
const startTimeoutMs = 30_000
/** How often to look whether it is ready, in milliseconds. */
const pollMs = 20

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
  /** Lets go of it: it lives on when this process ends. */
  leaveRunning(): Promise<void>
}

/** What a demo node is started with. */
export interface DemoNodeInit {
  readonly name: string
  readonly dataDir: string
  /** A ticket; left out, the node makes a database of its own. */
  readonly database?: string | undefined
  /** Name of the transport that it uses. */
  readonly transport: string
  /** A node of the hash table to begin with, where the transport has one. */
  readonly bootstrap?: string | undefined
  /** The relay to be at, where the transport has one. */
  readonly relay?: string | undefined
  /** Leaves the process running when the demo ends. */
  readonly isKept: boolean
}

/** Starts a node that keeps to this machine, and waits until it is ready. */
export async function startDemoNode(init: DemoNodeInit): Promise<DemoNode> {
  const child = spawnNode(init)
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
  try {
    const { control, status } = await ready(init, child)
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      await control.close()
      child.kill(signal)
      await exited
    }
    return {
      name: init.name,
      dataDir: init.dataDir,
      pid: child.pid ?? 0,
      peerId: String(status['peerId']),
      addresses: Array.isArray(status['addresses']) ? status['addresses'].map(String) : [],
      control,
      kill: () => end('SIGKILL'),
      stop: () => end('SIGTERM'),
      leaveRunning: async () => {
        await control.close()
        child.unref()
      },
    }
  } catch (error) {
    child.kill('SIGKILL')
    await exited
    throw error
  }
}

function spawnNode(init: DemoNodeInit): ChildProcess {
  const { dataDir, database, transport, isKept } = init
  const main = import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js'
  const args = [
    path.resolve(import.meta.dirname, main),
    'node',
    '--data-dir',
    dataDir,
    '--bind',
    '127.0.0.1:0',
    '--transport',
    transport,
    ...searchArgs(init),
  ]
  // A file and not a pipe: a node that is left running must not depend on this process.
  const log = openSync(path.join(dataDir, 'node.log'), 'a', 0o600)
  try {
    return spawn(process.execPath, args, {
      detached: isKept,
      stdio: ['ignore', log, log],
      // Not as an argument: those can be read by every user of the machine.
      env: { ...process.env, VUDO_DATABASE: database },
    })
  } finally {
    closeSync(log)
  }
}

/** In a hash table and at a relay a node finds others by itself: mDNS would hide whether that works. */
function searchArgs({ bootstrap, relay }: DemoNodeInit): readonly string[] {
  if (bootstrap !== undefined) return ['--no-mdns', '--p2p-peer', bootstrap]
  if (relay !== undefined) return ['--no-mdns', '--relay', relay]
  return ['--mdns-interface', '127.0.0.1']
}

/** Waits until the node answers on its control socket and has joined the network. */
async function ready(
  { name, dataDir }: DemoNodeInit,
  child: ChildProcess,
): Promise<{ control: ControlClient; status: Record<string, unknown> }> {
  const deadline = performance.now() + startTimeoutMs
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
    const control = await connectToNode(dataDir).catch(() => undefined)
    const status = await control?.call('status').catch(() => undefined)
    const isReady =
      isMap(status) && Array.isArray(status['addresses']) && status['addresses'].length > 0
    if (control && isReady) return { control, status }
    await control?.close()
    await sleep(pollMs)
  }
  const log = await readFile(path.join(dataDir, 'node.log'), 'utf8')
  throw new CliError('ERR_DEMO_FAILED', `node ${name} did not get ready: ${log.trim()}`, {
    hint: 'vudo doctor checks what a node needs',
  })
}
