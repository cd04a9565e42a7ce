/** Runs the real command in processes of their own, on the loopback interface only. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'

const main = path.resolve(import.meta.dirname, '../src/main.ts')

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder that is gone after the test. */
export function scratchFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'vudo-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs one command to its end. */
export function vudo(
  args: readonly string[],
  options: { input?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Outcome> {
  return outcomeOf(start(args, options.env), options.input)
}

/** In front of a command: a network namespace that has the loopback interface and nothing else. */
const isolate = [
  'unshare',
  '--map-root-user',
  '--net',
  'sh',
  '-c',
  'ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo && exec "$@"',
  'sh',
]

/** Tells whether this machine can do that: Linux, where users may make namespaces. */
export function canIsolate(): boolean {
  const [command = '', ...options] = isolate
  return spawnSync(command, [...options, 'true']).status === 0
}

/** Runs one command to its end, in a network of its own. */
export function vudoIsolated(args: readonly string[]): Promise<Outcome> {
  const [command = '', ...options] = isolate
  const words = [...options, process.execPath, main, ...args]
  return outcomeOf(spawn(command, words, { stdio: ['pipe', 'pipe', 'pipe'] }))
}

async function outcomeOf(child: ChildProcess, input = ''): Promise<Outcome> {
  child.stdin?.end(input)
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const status = await new Promise<number | null>((resolve) => void child.once('close', resolve))
  return { status, stdout: stdout(), stderr: stderr() }
}

/** Starts `vudo node` and waits until it is ready; it is stopped after the test. */
export async function startNode(
  dataDir: string,
  args: readonly string[] = [],
): Promise<{
  child: ChildProcess
  ready: Record<string, unknown>
  stop: () => Promise<number | null>
}> {
  const child = start([
    'node',
    '--json',
    '--data-dir',
    dataDir,
    '--bind',
    '127.0.0.1:0',
    '--mdns-interface',
    '127.0.0.1',
    ...args,
  ])
  const exited = new Promise<number | null>((resolve) => void child.once('exit', resolve))
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT')
    return exited
  }
  onTestFinished(async () => void (await stop()))
  const stderr = collect(child.stderr)
  if (!child.stdout) throw new TypeError('no standard output')
  for await (const line of createInterface(child.stdout)) {
    const event = JSON.parse(line) as Record<string, unknown>
    if (event['event'] === 'ready') return { child, ready: event, stop }
  }
  throw new Error(`the node ended with status ${await exited}: ${stderr()}`)
}

export function start(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): ChildProcess {
  const env = { ...process.env, VUDO_P2P_MDNS_INTERFACE: '127.0.0.1', ...more }
  return spawn(process.execPath, [main, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] })
}

/** What the stream has said so far, whenever it is called. */
export function collect(stream: Readable | null): () => string {
  let text = ''
  stream?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return () => text
}
