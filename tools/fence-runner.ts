/** Runs code blocks: TypeScript as a user's program, shell lines against the real `vudo`, on loopback only. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { shellLines } from './fences.mjs'
import { members, workspaceRoot } from './workspace.mjs'

const execute = promisify(execFile)
/** What a block may take on a slow machine. */
const blockTimeoutMs = 60_000

/** What users of a package of ours have besides, by that package, which tests with it. */
const usersOwn = {
  'automerge-repo': [
    '@automerge/automerge-repo',
    '@automerge/automerge-repo-network-websocket',
    '@automerge/automerge-repo-storage-nodefs',
  ],
  keepsync: ['zustand'],
}

/** One code block, see `fencesIn`. */
export interface Fence {
  readonly file: string
  /** Where its content begins. */
  readonly line: number
  readonly language: string
  readonly content: string
  readonly isOpen: boolean
}

/** A user's project in a scratch folder: every package of ours can be imported from it. */
export interface ProgramFolder {
  /** Writes a block as a program and returns its path. */
  write(fence: Fence): string
  /** What the compiler says of the programs, one line each. */
  typeErrors(): Promise<string[]>
  remove(): void
}

/** Makes a project with links to all packages, and to what their users have besides. */
export function createProgramFolder(): ProgramFolder {
  const folder = mkdtempSync(path.join(tmpdir(), 'vudo-fences-'))
  const link = (name: string, target: string): void => {
    const place = path.join(folder, 'node_modules', name)
    mkdirSync(path.dirname(place), { recursive: true })
    symlinkSync(target, place, 'junction')
  }
  for (const { kind, dir, manifest } of members()) {
    if (kind === 'package' || kind === 'app') link(manifest.name, dir)
  }
  for (const name of ['@types/node', 'vitest']) {
    link(name, path.join(workspaceRoot, 'node_modules', name))
  }
  for (const [owner, names] of Object.entries(usersOwn)) {
    for (const name of names) {
      link(name, path.join(workspaceRoot, 'packages', owner, 'node_modules', name))
    }
  }
  const config = {
    extends: path.join(workspaceRoot, 'tsconfig.test.json'),
    include: [path.join(folder, '*.ts')],
  }
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config))
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  return {
    write(fence) {
      const file = path.join(folder, `${fence.file.replaceAll(/\W/g, '-')}-${fence.line}.ts`)
      writeFileSync(file, fence.content)
      return file
    },
    typeErrors: () => typeErrors(folder),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

async function typeErrors(folder: string): Promise<string[]> {
  const compiler = path.join(workspaceRoot, 'node_modules', '.bin', 'tsc')
  const args = ['-p', folder, '--pretty', 'false']
  const options = { cwd: folder, shell: process.platform === 'win32', timeout: blockTimeoutMs }
  const { stdout } = await execute(compiler, args, options).catch(outputOf)
  // What it says of the packages themselves, the check of the packages says.
  return stdout.split('\n').filter((line) => /^[^\s/.][^/\\]*\.ts\(/.test(line))
}

/** A compiler that finds something ends with a status, and has printed what it found. */
function outputOf(error: unknown): { stdout: string } {
  if (
    error instanceof Error &&
    'stdout' in error &&
    typeof error.stdout === 'string' &&
    error.stdout !== ''
  ) {
    return { stdout: error.stdout }
  }
  throw error
}

/** Runs a program as its reader would. @throws when it fails or prints on the standard error. */
export async function runProgram(file: string): Promise<void> {
  const options = {
    cwd: path.dirname(file),
    env: loopbackOnly(process.env),
    timeout: blockTimeoutMs,
  }
  const { stderr } = await execute(process.execPath, [file], options)
  if (stderr !== '') throw new Error(`printed on the standard error: ${stderr}`)
}

/**
 * Runs the shell blocks of one file in order, in a scratch home. `vudo node`, `vudo relay` and `vudo
 * watch` go on in the background, as in a second terminal. Lines that begin with `npm`
 * are not run (the checks run them already, or they would install): they must name a
 * script or packages that there are.
 */
export async function runShellFences(fences: readonly Fence[]): Promise<void> {
  const home = mkdtempSync(path.join(tmpdir(), 'vudo-docs-'))
  const background: Background[] = []
  try {
    const env = shellEnvironment(home)
    for (const { file, line: at, content } of fences) {
      for (const line of shellLines(content)) {
        try {
          if (/^npm\b/.test(line)) expectKnownScript(line)
          else if (/^(npx )?vudo (node|watch|relay)\b/.test(line)) {
            background.push(await startLine(line, home, env))
          } else
            await execute('/bin/bash', ['-euc', line], { cwd: home, env, timeout: blockTimeoutMs })
        } catch (cause) {
          throw new Error(`${file}:${at}: ${line} failed: ${String(cause)}`, { cause })
        }
      }
    }
    for (const { line, child } of background) expectRunning(line, child)
  } finally {
    await Promise.all(background.map(({ child }) => stopProcess(child)))
    rmSync(home, { recursive: true, force: true })
  }
}

interface Background {
  readonly line: string
  readonly child: ChildProcess
}

function expectKnownScript(line: string): void {
  const words = line
    .replace(/\s#.*$/, '')
    .trim()
    .split(/\s+/)
    .slice(1)
  const [verb = '', ...rest] = words
  if (verb === 'i' || verb === 'install') {
    const ours = new Set(members().map(({ manifest }) => manifest.name))
    const strange = rest.filter((name) => !name.startsWith('-') && !ours.has(name))
    if (rest.length === 0 || strange.length > 0)
      throw new Error(`no packages of ours: ${strange.join(', ')}`)
    return
  }
  const script = verb === 'run' ? rest[0] : verb
  const manifest: unknown = JSON.parse(
    readFileSync(path.join(workspaceRoot, 'package.json'), 'utf8'),
  )
  if (!hasScript(manifest, script ?? '')) throw new Error(`package.json has no script "${script}"`)
}

function hasScript(manifest: unknown, name: string): boolean {
  const scripts =
    typeof manifest === 'object' && manifest !== null && 'scripts' in manifest && manifest.scripts
  return typeof scripts === 'object' && scripts !== null && Object.hasOwn(scripts, name)
}

function shellEnvironment(home: string): NodeJS.ProcessEnv {
  const bin = path.join(home, 'bin')
  mkdirSync(bin)
  const main = path.join(workspaceRoot, 'apps', 'cli', 'src', 'main.ts')
  if (!existsSync(main)) throw new Error(`${main} is missing`)
  const run = `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`
  writeFileSync(path.join(bin, 'vudo'), run, { mode: 0o755 })
  // `npx vudo …` and `npx @vudo/cli …` start the same command.
  writeFileSync(path.join(bin, 'npx'), '#!/bin/sh\nshift\nexec vudo "$@"\n', { mode: 0o755 })
  return {
    ...loopbackOnly(process.env),
    HOME: home,
    XDG_DATA_HOME: path.join(home, 'data'),
    PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}`,
  }
}

/** What a guide shows without options must not reach beyond this machine when the tests run it. */
function loopbackOnly(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, VUDO_P2P_BIND: '127.0.0.1:0', VUDO_P2P_MDNS_INTERFACE: '127.0.0.1' }
}

/** Starts a line; a node or relay is waited for until it has printed its first line, which it does when it is ready. */
async function startLine(line: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Background> {
  const child = spawn('/bin/bash', ['-euc', `exec ${line}`], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const errors: string[] = []
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()))
  child.stdout.resume()
  if (/\bwatch\b/.test(line)) return { line, child }
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('error', reject)
    child.once('exit', (status) =>
      reject(new Error(`ended with status ${status}: ${errors.join('')}`)),
    )
  })
  return { line, child }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function expectRunning(line: string, child: ChildProcess): void {
  if (hasEnded(child)) throw new Error(`${line} ended by itself with status ${child.exitCode}`)
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const exited = new Promise((resolve) => void child.once('exit', resolve))
  child.kill('SIGINT')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await exited
  clearTimeout(timer)
}
