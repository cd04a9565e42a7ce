import { Command, CommanderError } from 'commander'
import { isVudoError } from '@vudo/transport'
import manifest from '../package.json' with { type: 'json' }
import { addConfigCommand } from './commands/config.ts'
import { addDemoCommand } from './commands/demo.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addDocumentCommands } from './commands/documents.ts'
import { addFolderCommands } from './commands/folders.ts'
import { addKeygenCommand } from './commands/keygen.ts'
import { addNodeCommand } from './commands/node.ts'
import { addProfileCommand } from './commands/profile.ts'
import { addStopCommand } from './commands/stop.ts'
import { addTicketCommand } from './commands/ticket.ts'
import { CliError } from './errors.ts'
import { exitCodes } from './exit-codes.ts'
import { printError, printJsonError } from './output.ts'

/**
 * Runs one command line and gives the exit status. Errors are printed, not thrown.
 *
 * @param argv - As `process.argv`: two entries to skip, then the words.
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  // It has options of its own, and nothing of it is loaded by any other command.
  if (argv[2] === 'relay') {
    const { runRelayCommandLine } = await import('@vudo/relay')
    return runRelayCommandLine([...argv.slice(0, 2), ...argv.slice(3)])
  }
  const program = createProgram()
  try {
    await program.parseAsync([...argv])
    return exitCodes.ok
  } catch (error) {
    // Help and version end by an exception with status 0.
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
    if (error instanceof Error && error.name === 'Interrupted') return exitCodes.interrupted
    // `vudo` alone has printed its help.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage
    const told = error instanceof CommanderError ? usageMistake(error, program, argv) : error
    if (isJsonWanted(argv)) printJsonError(told)
    else printError(told)
    return statusOf(told)
  }
}

/** All commands. Nothing of them is loaded but their descriptions and what those import. */
function createProgram(): Command {
  const program = new Command('vudo')
    .description('Documents that sync peer to peer. Start with: vudo demo')
    .version(manifest.version)
    // Its mistakes are printed like all others; help goes the usual way.
    .configureOutput({ outputError: () => {} })
    .exitOverride()
  addNodeCommand(program)
  addTicketCommand(program)
  addStopCommand(program)
  addDocumentCommands(program)
  addFolderCommands(program)
  addDoctorCommand(program)
  addConfigCommand(program)
  addProfileCommand(program)
  addKeygenCommand(program)
  addDemoCommand(program)
  program.command('relay').description('a relay for peers that nothing direct brings together')
  return program
}

function statusOf(error: unknown): number {
  if (!isVudoError(error)) return exitCodes.failed
  if (error.code === 'ERR_NODE_NOT_RUNNING') return exitCodes.noNode
  return error.code === 'ERR_USAGE' ? exitCodes.usage : exitCodes.failed
}

/** What commander says of a command line that it does not understand, as an error of ours. */
function usageMistake(error: CommanderError, program: Command, argv: readonly string[]): CliError {
  const message = error.message.replace(/^error: /, '').replaceAll(/\s+/g, ' ')
  const names = new Set(program.commands.map((command) => command.name()))
  const name = argv.slice(2).find((word) => names.has(word))
  const command = name === undefined ? 'vudo' : `vudo ${name}`
  return new CliError('ERR_USAGE', message, { cause: error, hint: `${command} --help` })
}

/** Looked up in the words themselves: a command line that is not understood has no options yet. */
function isJsonWanted(argv: readonly string[]): boolean {
  const words = argv.slice(2)
  const end = words.indexOf('--')
  return words.slice(0, end === -1 ? words.length : end).includes('--json')
}
