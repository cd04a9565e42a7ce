import type { Command } from 'commander'
import { connectToNode } from '../control/client.ts'
import { isMap } from '../control/protocol.ts'
import { printJson, printLine } from '../output.ts'
import { dataDirOf, withDataDir, type DataDirOptions } from './data-dir-option.ts'

/** Adds `vudo ticket`. */
export function addTicketCommand(program: Command): void {
  withDataDir(program.command('ticket'))
    .description('print the ticket of the running node: whoever has it can join')
    .option('--json', 'print JSON')
    .action(printTicket)
}

async function printTicket(options: DataDirOptions & { readonly json?: boolean }): Promise<void> {
  await using node = await connectToNode(dataDirOf(options))
  const answer = await node.call('ticket')
  if (options.json === true) printJson(answer)
  else if (isMap(answer)) printLine(String(answer['ticket']))
}
