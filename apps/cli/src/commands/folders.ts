import { constants } from 'node:fs'
import { lstat, mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { connectToNode, type ControlClient } from '../control/client.ts'
import { isMap } from '../control/protocol.ts'
import { plainText } from '../document-text.ts'
import { CliError } from '../errors.ts'
import { unreadable, unwritable } from '../file-errors.ts'
import { MAX_IMPORT_FILE_BYTES, MAX_IMPORT_FILES, MAX_PARALLEL_IMPORTS } from '../limits.ts'
import { printJson, printLine, showProgress, shownText } from '../output.ts'
import { dataDirOf, withDataDir, type DataDirOptions } from './data-dir-option.ts'
import { Interrupted, untilInterrupted } from './interrupt.ts'

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
  const interrupt = untilInterrupted()
  try {
    const run = new ImportRun(path.resolve(folder), options)
    await run.finish(node, () => interrupt.happened)
    report(run, options)
    if (interrupt.happened) throw new Interrupted()
  } finally {
    interrupt.release()
  }
}

function report({ imported, skipped }: ImportRun, { json, prefix }: ImportOptions): void {
  if (json === true) return printJson({ imported, skipped })
  for (const { file, reason } of skipped) printLine(`left out ${shownText(file)}: ${reason}`)
  printLine(`${imported.length} documents under ${shownText(prefix)}`)
}

/** One `import`: reads the files of a folder, and writes several at a time. */
class ImportRun {
  readonly #root: string
  readonly #options: ImportOptions
  readonly #files: AsyncIterator<string>
  readonly #progress = showProgress('documents')
  readonly #imported: string[] = []
  readonly #skipped: { file: string; reason: string }[] = []
  #isOver = false

  constructor(root: string, options: ImportOptions) {
    this.#root = root
    this.#options = options
    this.#files = filesBelow(root)[Symbol.asyncIterator]()
  }

  /** Paths below the folder, sorted, as several writes end in any order. */
  get imported(): readonly string[] {
    return this.#imported.toSorted()
  }

  get skipped(): readonly { readonly file: string; readonly reason: string }[] {
    return this.#skipped.toSorted((a, b) => (a.file < b.file ? -1 : 1))
  }

  /** Settles when all files are in, or `isStopped` said so between two of them. */
  async finish(node: ControlClient, isStopped: () => boolean): Promise<void> {
    const workers = Array.from({ length: MAX_PARALLEL_IMPORTS }, () => this.#work(node, isStopped))
    try {
      // All of them: the node must not lose its connection under a write that is under way.
      const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected')
      if (failed?.status === 'rejected') throw failed.reason
    } finally {
      this.#progress.end()
    }
  }

  async #work(node: ControlClient, isStopped: () => boolean): Promise<void> {
    try {
      // The generator answers one call after the other, so each file has one worker.
      for (let next = await this.#files.next(); !next.done; next = await this.#files.next()) {
        if (this.#isOver || isStopped()) return
        await this.#take(node, next.value)
      }
    } catch (error) {
      this.#isOver = true
      throw error
    }
  }

  async #take(node: ControlClient, file: string): Promise<void> {
    const { ending, prefix } = this.#options
    if (ending !== undefined && !file.endsWith(ending)) return
    const relative = path.relative(this.#root, file).split(path.sep).join('/')
    const content = await textOf(file)
    if (typeof content === 'string') {
      await node.call('write', { path: `${prefix}/${relative}`, value: { text: content } })
      this.#imported.push(relative)
      this.#progress.advance()
    } else this.#skipped.push({ file: relative, reason: content.reason })
  }
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
    const entries = await readdir(current, { withFileTypes: true }).catch((cause: unknown) => {
      throw unreadable(current, cause)
    })
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
  const bytes = await bytesOf(file)
  if (!(bytes instanceof Uint8Array)) return bytes
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return { reason: 'not UTF-8 text' }
  }
}

async function bytesOf(file: string): Promise<Uint8Array | { readonly reason: string }> {
  try {
    const { size } = await stat(file)
    if (size <= MAX_IMPORT_FILE_BYTES) return await readFile(file)
    return { reason: `${size} bytes, more than ${MAX_IMPORT_FILE_BYTES}` }
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

interface ExportOptions extends DataDirOptions {
  readonly force?: boolean
  readonly json?: boolean
}

async function exportFolder(given: string, folder: string, options: ExportOptions): Promise<void> {
  await using node = await connectToNode(dataDirOf(options))
  const prefix = given.replace(/\/+$/, '')
  const documents = await pathsBelow(node, prefix)
  if (documents.length === 0) throw nothingBelow(prefix)
  const root = await folderAt(folder)
  const exported: string[] = []
  for (const document of documents) {
    const value = await node.call('read', { path: document })
    const text = plainText(value)
    const name = nameBelow(prefix, document) + (text === undefined ? '.json' : '')
    const content = text ?? `${JSON.stringify(value, undefined, 2)}\n`
    await writeBelow(root, name, content, options.force === true).catch((cause: unknown) => {
      throw unwritable(path.join(root, name), cause)
    })
    exported.push(name)
  }
  if (options.json === true) printJson({ exported })
  else printLine(`${exported.length} files in ${root}`)
}

/** The document at `prefix`, and those below it. */
async function pathsBelow(node: ControlClient, prefix: string): Promise<string[]> {
  const entries = await node.call('ls', { prefix })
  return (Array.isArray(entries) ? entries : []).filter(isMap).map((entry) => String(entry['path']))
}

/** The document of the prefix itself keeps its last name. Counted in segments: paths come back in canonical form. */
function nameBelow(prefix: string, document: string): string {
  const segments = document.split('/')
  const depth = prefix === '' ? 0 : prefix.split('/').length
  return segments.slice(Math.min(depth, segments.length - 1)).join('/')
}

function nothingBelow(prefix: string): CliError {
  const where = prefix === '' ? 'in the database' : `at or below ${JSON.stringify(prefix)}`
  return new CliError('ERR_DOCUMENT_NOT_FOUND', `there is no document ${where}`, {
    hint: 'vudo ls shows what there is',
  })
}

/** Makes the folder where it is missing, and gives its real path. */
async function folderAt(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true })
    return await realpath(folder)
  } catch (cause) {
    throw unwritable(folder, cause)
  }
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
