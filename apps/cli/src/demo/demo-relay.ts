import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../errors.ts'

/** How long the relay may take to listen, in milliseconds. */
const startTimeoutMs = 10_000
/** How often to look whether it does, in milliseconds. */
const pollMs = 20

/** A relay on this machine: a process of its own. */
export interface DemoRelay {
  /** For `--relay`. */
  readonly url: string
  stop(): Promise<void>
  /** Lets go of it: it lives on when this process ends. */
  leaveRunning(): void
}

/**
 * Starts the relay that `transport` needs; nothing where it needs none.
 *
 * @param folder - Where its log goes.
 * @throws `CliError` `ERR_DEMO_FAILED` when it does not start.
 */
export async function startDemoRelay(
  transport: string,
  folder: string,
): Promise<DemoRelay | undefined> {
  if (transport !== 'relay') return undefined
  const main = import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js'
  const file = path.join(folder, 'relay.log')
  const log = openSync(file, 'a', 0o600)
  const args = [path.resolve(import.meta.dirname, main), 'relay', '--port', '0']
  // A file and not a pipe: a relay that is left running must not depend on this process.
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
  const deadline = performance.now() + startTimeoutMs
  while (child.exitCode === null && performance.now() < deadline) {
    const url = urlIn(await readFile(file, 'utf8'))
    if (url !== undefined) {
      return {
        url,
        stop: async () => {
          child.kill('SIGTERM')
          await exited
        },
        leaveRunning: () => child.unref(),
      }
    }
    await sleep(pollMs)
  }
  child.kill('SIGKILL')
  await exited
  throw new CliError('ERR_DEMO_FAILED', `the relay did not start: ${await readFile(file, 'utf8')}`)
}

/** It says where it listens, as the first line that has a URL. */
function urlIn(log: string): string | undefined {
  return /"url":"(wss?:[^"]+)"/.exec(log)?.[1]
}
