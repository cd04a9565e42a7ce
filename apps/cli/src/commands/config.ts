import process from 'node:process'
import type { Command } from 'commander'
import type { OptionReport } from '@vudo/p2p'
import { printJson, printLine, shownText } from '../output.ts'
import { dataDirOf, withDataDir, type DataDirOptions } from './data-dir-option.ts'
import { nodeSettings } from './node-settings.ts'

interface ConfigOptions extends DataDirOptions {
  readonly config?: string
  readonly all?: boolean
  readonly json?: boolean
}

/** Adds `vudo config`. */
export function addConfigCommand(program: Command): void {
  withDataDir(program.command('config'))
    .description('show every option that a node would have, and where each value comes from')
    .option('--config <file>', 'the configuration file; config.json in the folder when left out')
    .option('--all', 'with the options that nobody has set')
    .option('--json', 'print JSON: every option')
    .action(showConfig)
}

async function showConfig(options: ConfigOptions, command: Command): Promise<void> {
  const dataDir = dataDirOf(options)
  const settings = await nodeSettings({ dataDir, config: options.config }, process.env)
  const report = settings.map((line) =>
    line.name === 'dataDir' ? { ...line, ...originOfFolder(options, command) } : line,
  )
  if (options.json === true) return printJson(report)
  const shown = options.all === true ? report : report.filter(({ origin }) => origin !== 'default')
  for (const line of shown.map(describeOption)) printLine(line)
  if (options.all !== true) {
    printLine(`${report.length - shown.length} options have their defaults; --all shows them`)
  }
}

/** The folder is always named to the node, whoever has chosen it. */
function originOfFolder(
  { id }: ConfigOptions,
  command: Command,
): Pick<OptionReport, 'origin' | 'from'> {
  const source = command.getOptionValueSource('dataDir')
  if (id !== undefined || source === 'cli') return { origin: 'code' }
  if (source === 'env') return { origin: 'environment', from: 'VUDO_DATA_DIR' }
  return { origin: 'default' }
}

function describeOption({ name, value, origin, from, variable, isUsed }: OptionReport): string {
  const said = origin === 'code' ? 'the command line' : (from ?? origin)
  const where = origin === 'default' ? variable : said
  const set = value ?? 'none'
  const text = typeof set === 'string' ? set : JSON.stringify(set)
  const idle = isUsed ? '' : ', idle in this version'
  return `${name} = ${shownText(text)}  (${origin}${where === undefined ? '' : `: ${shownText(where)}`}${idle})`
}
