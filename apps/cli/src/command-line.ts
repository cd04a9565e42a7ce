import { Command, CommanderError } from 'commander'
import { isVudoError } from '@vudo/transport'
import manifest from '../package.json' with { type: 'json' }
import { addDemoCommand } from './commands/demo.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addDocumentCommands } from './commands/documents.ts'
import { addFolderCommands } from './commands/folders.ts'
import { addKeygenCommand } from './commands/keygen.ts'
import { addNodeCommand } from './commands/node.ts'
import { addStopCommand } from './commands/stop.ts'
import { addTicketCommand } from './commands/ticket.ts'
import { exitCodes } from './exit-codes.ts'
import { printError } from './output.ts'

/**
 * Runs one command line and gives the exit status. Errors are printed, not thrown.
 *
 * @param argv - As `process.argv`: two entries to skip, then the words.
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const program = createProgram()
  try {
    await program.parseAsync([...argv])
    return exitCodes.ok
  } catch (error) {
    return statusOf(error)
  }
}

/** All commands. Nothing of them is loaded but their descriptions and what those import. */
function createProgram(): Command {
  const program = new Command('vudo')
    .description('Documents that sync peer to peer. Start with: vudo demo')
    .version(manifest.version)
    .showHelpAfterError('(vudo --help shows the commands)')
    .exitOverride()
  addNodeCommand(program)
  addTicketCommand(program)
  addStopCommand(program)
  addDocumentCommands(program)
  addFolderCommands(program)
  addDoctorCommand(program)
  addKeygenCommand(program)
  addDemoCommand(program)
  return program
}

function statusOf(error: unknown): number {
  // Help and version end by an exception with status 0; a usage mistake has printed itself.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  if (error instanceof Error && error.name === 'Interrupted') return exitCodes.interrupted
  printError(error)
  if (!isVudoError(error)) return exitCodes.failed
  if (error.code === 'ERR_NODE_NOT_RUNNING') return exitCodes.noNode
  return error.code === 'ERR_USAGE' ? exitCodes.usage : exitCodes.failed
}
