import { Argument, type Command } from 'commander'
import { connectToNode } from '../control/client.ts'
import { isMap } from '../control/protocol.ts'
import { printJson, printLine } from '../output.ts'
import { dataDirOf, withDataDir, type DataDirOptions } from './data-dir-option.ts'

/** Adds `vudo profile`. */
export function addProfileCommand(program: Command): void {
  withDataDir(program.command('profile'))
    .description(
      'show how much bandwidth the running node may use, or say what the connection costs',
    )
    .addArgument(
      new Argument('[profile]', 'auto asks the platform').choices(['auto', 'metered', 'unmetered']),
    )
    .option('--json', 'print JSON')
    .action(setProfile)
}

async function setProfile(
  profile: string | undefined,
  options: DataDirOptions & { readonly json?: boolean },
): Promise<void> {
  await using node = await connectToNode(dataDirOf(options))
  const state = await node.call('profile', profile === undefined ? {} : { profile })
  if (options.json === true) printJson(state)
  else if (isMap(state)) printLine(describeBandwidth(state))
}

/** One line for people. */
export function describeBandwidth(state: Record<string, unknown>): string {
  const { profile, isMetered, bytesPerSecond } = state
  const limit =
    typeof bytesPerSecond === 'number'
      ? `at most ${bytesPerSecond} bytes per second`
      : 'without a limit'
  return `${String(profile)}: ${isMetered === true ? 'metered' : 'not metered'}, ${limit}`
}
