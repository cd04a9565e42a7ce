import path from 'node:path'
import { Option, type Command } from 'commander'
import envPaths from 'env-paths'
import { CliError } from '../errors.ts'
import { shellWord } from '../output.ts'

/** Which node a command is about. */
export interface DataDirOptions {
  readonly dataDir?: string | undefined
  readonly id?: string | undefined
}

/** Gives `command` the two options that name a node. */
export function withDataDir(command: Command): Command {
  return command
    .addOption(new Option('--data-dir <folder>', 'the folder of the node').env('VUDO_DATA_DIR'))
    .option('--id <name>', 'the node of this name, to have several on one machine')
}

/** The options that name this node for another command, with a space before each; empty for the default one. */
export function sameNode({ dataDir, id }: DataDirOptions): string {
  const folder = dataDir === undefined ? '' : ` --data-dir ${shellWord(dataDir)}`
  return id === undefined ? folder : `${folder} --id ${id}`
}

/** The data directory that the options mean. */
export function dataDirOf({ dataDir, id }: DataDirOptions): string {
  if (id !== undefined && !/^[\w-]{1,32}$/.test(id)) {
    throw new CliError(
      'ERR_USAGE',
      `--id is ${JSON.stringify(id)}, expected 1 to 32 letters, digits, dashes or underscores`,
      {
        hint: 'for example --id 1',
      },
    )
  }
  const home = path.resolve(dataDir ?? envPaths('vudo', { suffix: '' }).data)
  return id === undefined ? home : path.join(home, `node-${id}`)
}
