import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import process from 'node:process'
import { Option, type Command } from 'commander'
import { CliError } from '../errors.ts'
import { printJson, printLine, shellWord } from '../output.ts'
import { parseBind, type Bind } from './bind.ts'
import { dataDirOf, withDataDir, type DataDirOptions } from './data-dir-option.ts'
import { examineFolder } from './doctor-folder.ts'
import { examineNode } from './doctor-node.ts'
import type { Finding } from './finding.ts'

interface DoctorOptions extends DataDirOptions {
  readonly bind: string
  readonly mdnsInterface?: string
  readonly json?: boolean
}

/** Adds `vudo doctor`. */
export function addDoctorCommand(program: Command): void {
  withDataDir(program.command('doctor'))
    .description(
      'check what a node needs, and say what to do; exit status 1 when something is wrong',
    )
    .addOption(
      new Option('--bind <address:port>', 'where a node would accept connections')
        .env('VUDO_P2P_BIND')
        .default('0.0.0.0:34569'),
    )
    .addOption(
      new Option('--mdns-interface <address>', 'try multicast on this interface only').env(
        'VUDO_P2P_MDNS_INTERFACE',
      ),
    )
    .option('--json', 'print JSON')
    .action(examine)
}

async function examine(options: DoctorOptions): Promise<void> {
  const dataDir = dataDirOf(options)
  const running = await examineNode(dataDir)
  const findings = [
    nodeVersion(),
    ...(await examineFolder(dataDir, running !== undefined)),
    ...(running ?? [notRunning(dataDir), await listening(parseBind(options.bind))]),
    await multicast(options.mdnsInterface),
  ]
  const bad = findings.filter(({ state }) => state === 'bad')
  if (options.json === true) {
    printJson({ ok: bad.length === 0, findings: findings.map(withHintWhereNeeded) })
  } else for (const finding of findings) printFinding(finding)
  if (bad.length > 0) {
    throw new CliError(
      'ERR_DOCTOR_FINDINGS',
      `${bad.length} of ${findings.length} checks found something`,
      {
        hint: bad[0]?.hint,
      },
    )
  }
}

function withHintWhereNeeded({ hint, ...finding }: Finding): Finding {
  return finding.state === 'ok' ? finding : { ...finding, hint }
}

function printFinding({ state, check, message, hint }: Finding): void {
  printLine(`${(state === 'bad' ? 'BAD' : state).padEnd(4)} ${check}: ${message}`)
  if (state !== 'ok' && hint !== undefined) printLine(`       ${hint}`)
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return {
    check: 'node',
    state: major > 22 || (major === 22 && minor >= 18) ? 'ok' : 'bad',
    message: `Node ${process.versions.node}, expected 22.18 or newer`,
    hint: 'install a newer Node',
  }
}

function notRunning(dataDir: string): Finding {
  return {
    check: 'process',
    state: 'ok',
    message: `no node is running on this folder; start one: vudo node --data-dir ${shellWord(dataDir)}`,
  }
}

async function listening({ bindAddress, port }: Bind): Promise<Finding> {
  const server = createServer()
  const outcome = Promise.withResolvers<Finding>()
  const hint =
    'another program may have the port: stop that, or choose another with --bind 0.0.0.0:0'
  server.once('error', ({ message }) =>
    outcome.resolve({
      check: 'port',
      state: 'bad',
      message: `TCP port ${port} of ${bindAddress}: ${message}`,
      hint,
    }),
  )
  server.listen(port, bindAddress, () =>
    outcome.resolve({
      check: 'port',
      state: 'ok',
      message: `TCP port ${port} of ${bindAddress} is free`,
    }),
  )
  const finding = await outcome.promise
  if (server.listening) server.close()
  return finding
}

/** The group of multicast DNS; the port is another, so that nobody else is bothered. */
const multicastGroup = '224.0.0.251'

/** Does a packet to the group come back? Waits a second for it. */
async function multicast(ip: string | undefined): Promise<Finding> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  const outcome = Promise.withResolvers<Finding>()
  const hint = 'allow UDP multicast in the firewall; until then name peers with --p2p-peer'
  const fail = (message: string): void =>
    outcome.resolve({ check: 'multicast', state: 'bad', message, hint })
  const timer = setTimeout(
    () => fail('a multicast packet of our own did not come back within 1 s'),
    1_000,
  )
  socket.once('error', (error) => fail(error.message))
  socket.once('message', () =>
    outcome.resolve({
      check: 'multicast',
      state: 'ok',
      message: 'packets to the local network come back',
    }),
  )
  socket.bind(0, () => {
    try {
      socket.addMembership(multicastGroup, ip)
      if (ip !== undefined) socket.setMulticastInterface(ip)
      socket.setMulticastTTL(1)
      socket.send('vudo doctor', socket.address().port, multicastGroup)
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error))
    }
  })
  const finding = await outcome.promise
  clearTimeout(timer)
  socket.close()
  return finding
}
