import { constants } from 'node:fs'
import { lstat, mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { connectToNode, type ControlClient } from '../control/client.ts'
import { isMap } from '../control/protocol.ts'
import { CliError } from '../errors.ts'
import { MAX_IMPORT_FILE_BYTES, MAX_IMPORT_FILES } from '../limits.ts'
import { printJson, printLine, shownText } from '../output.ts'
import { dataDirOf, withDataDir, type DataDirOptions } from './data-dir-option.ts'

/** Adds `vudo import` and `vudo export`. */
export function addFolderCommands(program: Command): void {
  withDataDir(program.command('import'))
    .argument('<folder>', 'the folder to read')
    .description('bring the text files of a folder in, one document a file')
    .option('--prefix <path>', 'where to put them', 'files')
    .option('--ending <ending>', 'only files that end like this, for example .md')
    .option('--json', 'print JSON')
    .action(importFolder)
  withDataDir(program.command('export'))
    .argument('<prefix>', 'the documents below this path')
    .argument('<folder>', 'where to write them; made when missing')
    .description('write documents as files: texts as they are, others as JSON')
    .option('--force', 'overwrite files that are there')
    .option('--json', 'print JSON')
    .action(exportFolder)
}

interface ImportOptions extends DataDirOptions {
  readonly prefix: string
  readonly ending?: string
  readonly json?: boolean
}

async function importFolder(folder: string, options: ImportOptions): Promise<void> {
  await using node = await connectToNode(dataDirOf(options))
  const imported: string[] = []
  const skipped: { file: string; reason: string }[] = []
  for await (const file of filesBelow(path.resolve(folder))) {
    if (options.ending !== undefined && !file.endsWith(options.ending)) continue
    const relative = path.relative(path.resolve(folder), file).split(path.sep).join('/')
    const content = await textOf(file)
    if (typeof content === 'string') {
      await node.call('write', { path: `${options.prefix}/${relative}`, value: { text: content } })
      imported.push(relative)
    } else skipped.push({ file: relative, reason: content.reason })
  }
  if (options.json === true) return printJson({ imported, skipped })
  for (const { file, reason } of skipped) printLine(`left out ${shownText(file)}: ${reason}`)
  printLine(`${imported.length} documents under ${shownText(options.prefix)}`)
}

/**
 * Every file below `folder`, sorted; links, hidden folders and node_modules are left out.
 *
 * @yields Absolute paths.
 */
async function* filesBelow(folder: string): AsyncIterable<string> {
  let count = 0
  const folders = [folder]
  for (let current = folders.shift(); current !== undefined; current = folders.shift()) {
    const entries = await readdir(current, { withFileTypes: true })
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      const full = path.join(current, entry.name)
      if (entry.isDirectory()) folders.push(full)
      else if (entry.isFile()) {
        if (++count > MAX_IMPORT_FILES) throw tooMany()
        yield full
      }
    }
  }
}

function tooMany(): CliError {
  return new CliError('ERR_INPUT_INVALID', `the folder holds more than ${MAX_IMPORT_FILES} files`, {
    hint: 'import its folders one by one, or use --ending',
  })
}

/** The file's text, or why it is not taken. */
async function textOf(file: string): Promise<string | { readonly reason: string }> {
  const { size } = await stat(file)
  if (size > MAX_IMPORT_FILE_BYTES) {
    return { reason: `${size} bytes, more than ${MAX_IMPORT_FILE_BYTES}` }
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(file))
  } catch {
    return { reason: 'not UTF-8 text' }
  }
}

interface ExportOptions extends DataDirOptions {
  readonly force?: boolean
  readonly json?: boolean
}

async function exportFolder(prefix: string, folder: string, options: ExportOptions): Promise<void> {
  await using node = await connectToNode(dataDirOf(options))
  await mkdir(folder, { recursive: true })
  const root = await realpath(folder)
  const exported: string[] = []
  for (const document of await pathsBelow(node, prefix)) {
    const value = await node.call('read', { path: document })
    const isText = isMap(value) && typeof value['text'] === 'string'
    const name = document.slice(prefix.length + 1) + (isText ? '' : '.json')
    const content = isText ? String(value['text']) : `${JSON.stringify(value, undefined, 2)}\n`
    await writeBelow(root, name, content, options.force === true)
    exported.push(name)
  }
  if (options.json === true) printJson({ exported })
  else printLine(`${exported.length} files in ${root}`)
}

async function pathsBelow(node: ControlClient, prefix: string): Promise<string[]> {
  const entries = await node.call('ls', { prefix })
  return (Array.isArray(entries) ? entries : [])
    .filter(isMap)
    .map((entry) => String(entry['path']))
    .filter((document) => document.startsWith(`${prefix}/`))
}

/** Names that Windows gives to devices, whatever their ending. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

/**
 * Writes `content` to `name` below `root`, and nowhere else: a document's path comes
 * from peers. No link is followed, and nothing is overwritten without `force`.
 */
async function writeBelow(
  root: string,
  name: string,
  content: string,
  force: boolean,
): Promise<void> {
  const segments = name.split('/')
  for (const segment of segments) {
    // oxlint-disable-next-line no-control-regex -- control characters are what it is about
    const isUnsafe = /[\u0000-\u001f<>:"|?*\\]|[. ]$/.test(segment) || deviceName.test(segment)
    if (segment === '' || segment === '..' || isUnsafe) throw unsafeName(name)
  }
  let parent = root
  for (const segment of segments.slice(0, -1)) {
    parent = path.join(parent, segment)
    await mkdir(parent, { recursive: true })
    if (!(await lstat(parent)).isDirectory()) throw unsafeName(name)
  }
  const target = path.join(parent, segments.at(-1) ?? '')
  if (force) await replaceFile(target, content)
  else await createFile(target, content)
}

async function createFile(target: string, content: string): Promise<void> {
  try {
    const file = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL)
    try {
      await file.writeFile(content)
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
    throw new CliError('ERR_FILE_EXISTS', `${target} exists`, {
      cause,
      hint: 'export into an empty folder, or overwrite with --force',
    })
  }
}

/** A new file takes the old one's place: a link there is replaced and not followed. */
async function replaceFile(target: string, content: string): Promise<void> {
  const temporary = `${target}.vudo-${process.pid}`
  await rm(temporary, { force: true })
  await createFile(temporary, content)
  await rename(temporary, target)
}

function unsafeName(name: string): CliError {
  return new CliError('ERR_INPUT_INVALID', `${JSON.stringify(name)} cannot be a file here`, {
    hint: 'rename the document, or export a narrower prefix',
  })
}
