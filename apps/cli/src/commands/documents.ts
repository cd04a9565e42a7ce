import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import process from 'node:process'
import type { Command } from 'commander'
import { connectToNode } from '../control/client.ts'
import { isMap } from '../control/protocol.ts'
import { plainText } from '../document-text.ts'
import { CliError } from '../errors.ts'
import { unreadable } from '../file-errors.ts'
import { printJson, printLine, shortId, shownText } from '../output.ts'
import { dataDirOf, withDataDir, type DataDirOptions } from './data-dir-option.ts'
import { untilInterrupted } from './interrupt.ts'

/** Adds `vudo ls`, `read`, `write`, `edit` and `watch`. */
export function addDocumentCommands(program: Command): void {
  withDataDir(program.command('ls'))
    .argument('[prefix]', 'only paths below this one')
    .description('list the documents')
    .option('--json', 'print JSON')
    .action(list)
  withDataDir(program.command('read'))
    .argument('<path>')
    .description('print a document: its text, or its content as JSON')
    .option('--json', 'print JSON, also for texts')
    .action(read)
  withDataDir(program.command('write'))
    .argument('<path>')
    .argument('[value]', 'JSON; left out: read from the standard input')
    .description('write a document, changing only what differs')
    .option('--text', 'the value is text and not JSON')
    .option('--file <file>', 'read the value from a file')
    .option('--json', 'print JSON')
    .action(write)
  withDataDir(program.command('edit'))
    .argument('<path>', 'a text document')
    .requiredOption('--insert <text>', 'what to insert')
    .option('--after <text>', 'where: after the first such text', '')
    .description('insert into a text document; edits of others at the same time merge')
    .option('--json', 'print JSON')
    .action(edit)
  withDataDir(program.command('watch'))
    .argument('[prefix]', 'only paths below this one')
    .description('print each change as it comes, until Ctrl-C')
    .option('--json', 'print JSON, one line a change')
    .action(watch)
}

interface JsonOption extends DataDirOptions {
  readonly json?: boolean
}

async function list(prefix: string | undefined, options: JsonOption): Promise<void> {
  await using node = await connectToNode(dataDirOf(options))
  const entries = await node.call('ls', prefix === undefined ? {} : { prefix })
  if (options.json === true) return printJson(entries)
  for (const entry of Array.isArray(entries) ? entries : []) {
    if (isMap(entry)) printLine(shownText(String(entry['path']), 1_024))
  }
}

async function read(path: string, options: JsonOption): Promise<void> {
  await using node = await connectToNode(dataDirOf(options))
  const value = await node.call('read', { path })
  const text = options.json === true ? undefined : plainText(value)
  // The text itself, for pipes; a terminal gets it without what could steer it.
  if (text === undefined) printJson(value)
  else process.stdout.write(process.stdout.isTTY ? `${terminalText(text).trimEnd()}\n` : text)
}

/** Keeps line ends and tabs, which {@link shownText} would replace. */
function terminalText(text: string): string {
  return text.replace(/[^\n\t]+/g, (part) => shownText(part, part.length))
}

interface WriteOptions extends JsonOption {
  readonly text?: boolean
  readonly file?: string
}

async function write(
  path: string,
  value: string | undefined,
  options: WriteOptions,
): Promise<void> {
  if (value !== undefined && options.file !== undefined) {
    throw new CliError('ERR_USAGE', 'both a value and --file are given, expected one of them', {
      hint: 'leave out the value to write what is in the file',
    })
  }
  const input = value ?? (await inputText(options.file))
  await using node = await connectToNode(dataDirOf(options))
  await node.call('write', {
    path,
    value: options.text === true ? { text: input } : parseJson(input),
  })
  if (options.json === true) printJson({ path })
}

async function inputText(file: string | undefined): Promise<string> {
  const bytes = file === undefined ? await buffer(process.stdin) : await fileBytes(file)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new CliError('ERR_INPUT_INVALID', 'the input is not UTF-8 text', {
      cause,
      hint: 'documents hold text and JSON; convert the file to UTF-8',
    })
  }
}

async function fileBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

function parseJson(input: string): unknown {
  try {
    return JSON.parse(input)
  } catch (cause) {
    throw new CliError('ERR_INPUT_INVALID', `the value is not JSON: ${String(cause)}`, {
      cause,
      hint: 'for plain text add --text',
    })
  }
}

interface EditOptions extends JsonOption {
  readonly insert: string
  readonly after: string
}

async function edit(path: string, options: EditOptions): Promise<void> {
  await using node = await connectToNode(dataDirOf(options))
  await node.call('edit', { path, insert: options.insert, after: options.after })
  if (options.json === true) printJson({ path })
}

async function watch(prefix: string | undefined, options: JsonOption): Promise<void> {
  const node = await connectToNode(dataDirOf(options))
  const interrupt = untilInterrupted()
  void interrupt.promise.then(() => node.close())
  try {
    for await (const change of node.stream('watch', prefix === undefined ? {} : { prefix })) {
      if (options.json === true) printJson(change)
      else if (isMap(change)) printLine(changeLine(change))
    }
  } catch (error) {
    // Closing the connection is how Ctrl-C ends the stream.
    if (!interrupt.happened) throw error
  } finally {
    interrupt.release()
  }
}

/** A change, as `vudo watch` tells it to people. */
export function changeLine(change: Record<string, unknown>): string {
  const origin = String(change['origin'])
  const who = origin === 'local' ? 'here' : `from ${shortId(origin)}`
  const isNew = change['created'] === true ? ', new' : ''
  const what = change['type'] === 'deleted' ? ', deleted' : isNew
  return `${new Date().toISOString()} ${shownText(String(change['path']), 1_024)} ${who}${what}`
}
