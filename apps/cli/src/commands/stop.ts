import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { connectToNode } from '../control/client.ts'
import { isMap } from '../control/protocol.ts'
import { CliError } from '../errors.ts'
import { printJson, printLine } from '../output.ts'
import { dataDirOf, withDataDir, type DataDirOptions } from './data-dir-option.ts'

/** How long a node may take to say goodbye and save, in milliseconds. */
const stopTimeoutMs = 15_000
/** How often to look whether its process is still there, in milliseconds. */
const pollMs = 50

/** Adds `vudo stop`. */
export function addStopCommand(program: Command): void {
  withDataDir(program.command('stop'))
    .description('end the running node; it says goodbye to its peers and saves first')
    .option('--json', 'print JSON')
    .action(stopNode)
}

async function stopNode(options: DataDirOptions & { readonly json?: boolean }): Promise<void> {
  await using node = await connectToNode(dataDirOf(options))
  const status = await node.call('status')
  const pid = isMap(status) ? Number(status['pid']) : Number.NaN
  await node.call('stop')
  const deadline = performance.now() + stopTimeoutMs
  while (isRunning(pid)) {
    if (performance.now() > deadline) throw stillRunning(pid)
    // oxlint-disable-next-line no-await-in-loop -- a process that is not ours to wait for
    await sleep(pollMs)
  }
  if (options.json === true) printJson({ pid })
  else printLine(`the node has ended (process ${pid})`)
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function stillRunning(pid: number): CliError {
  return new CliError('ERR_NODE_STILL_RUNNING', `process ${pid} has not ended in 15 s`, {
    hint: `it may be saving; look again, or end it: kill ${pid}`,
  })
}
