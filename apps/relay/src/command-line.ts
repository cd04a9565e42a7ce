import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { Command, CommanderError, Option } from 'commander'
import { pino } from 'pino'
import { isPeerId, isVudoError } from '@vudo/transport'
import manifest from '../package.json' with { type: 'json' }
import type { AccessRules } from './access.ts'
import { RelayError } from './errors.ts'
import { DEFAULT_LIMITS, type RelayLimits } from './limits.ts'
import { startRelay, type RelayInit } from './relay.ts'

/** How the command takes each limit: `--max-frame-bytes 66048`. */
const limitNames = Object.keys(DEFAULT_LIMITS).filter((name) => isLimit(name))

/** What `--help` says of each; the README says what happens at it. */
const limitTexts: Readonly<Record<keyof RelayLimits, string>> = {
  maxConnections: 'connections that have proven a key',
  maxConnectionsPerAddress: 'the same of one IP address',
  maxHalfOpen: 'connections that have not proven a key yet',
  maxHalfOpenPerAddress: 'the same of one IP address',
  halfOpenMs: 'time to prove a key, in milliseconds',
  idleMs: 'silence after which a connection is closed, in milliseconds',
  maxFrameBytes: 'bytes of one frame',
  maxTopics: 'topics of one connection',
  maxQueuedFrames: 'frames that wait for one reader',
  maxQueuedBytes: 'bytes that wait for one reader',
  bytesPerSecond: 'what one connection may send',
  bytesPerSecondPerAddress: 'the same of one IP address',
  bytesPerSecondPerTopic: 'what may pass within one topic',
  drainMs: 'time over which clients are let go of at the end, in milliseconds',
}

/**
 * Runs the command `vudo-relay` until a signal ends it, and gives the exit status. Errors
 * are printed, not thrown.
 */
export async function runRelayCommandLine(argv: readonly string[]): Promise<number> {
  const program = createProgram()
  try {
    await program.parseAsync([...argv])
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`${toldError(error)}\n`)
    return 1
  }
}

function createProgram(): Command {
  const program = new Command('vudo-relay')
    .description('Forwards between peers who share a topic; can neither read nor alter it.')
    .version(manifest.version)
    .exitOverride()
    .option('--host <address>', 'IP address to accept on', '127.0.0.1')
    .addOption(
      new Option('--port <number>', 'port; 0 takes any')
        .default(8080)
        .argParser(numberOf('--port')),
    )
    .option('--name <host>', 'host by which clients dial it; may be repeated', collect)
    .option('--tls-cert <file>', 'certificate chain, PEM')
    .option('--tls-key <file>', 'private key, PEM')
    .option('--allow-keys <file>', 'only these peer ids may come, one a line')
    .option('--deny-keys <file>', 'these peer ids may not come, one a line')
    .addOption(
      new Option('--token <token>', 'what clients have to present').env('VUDO_RELAY_TOKEN'),
    )
    .option('--access-url <url>', 'service that is asked about each client')
    .addOption(new Option('--nats <url>', 'connects relays through NATS').env('VUDO_RELAY_NATS'))
    .addOption(new Option('--redis <url>', 'through Redis or Valkey').env('VUDO_RELAY_REDIS'))
    .addOption(
      new Option('--metrics-port <number>', 'serves /metrics there').argParser(
        numberOf('--metrics-port'),
      ),
    )
    .option('--metrics-host <address>', 'IP address for that', '127.0.0.1')
    .addOption(
      new Option('--trusted-proxies <number>', 'proxies in front of it')
        .default(0)
        .argParser(numberOf('--trusted-proxies')),
    )
    .option('--no-iroh', 'refuse iroh nodes')
    .option('--log-names', 'log keys, too')
  for (const name of limitNames) {
    const option = `--${name.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`
    program.addOption(
      new Option(`${option} <number>`, limitTexts[name])
        .default(DEFAULT_LIMITS[name])
        .argParser(numberOf(option)),
    )
  }
  return program.action(run)
}

type RelayOptions = RelayLimits & {
  readonly host: string
  readonly port: number
  readonly name?: readonly string[]
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly allowKeys?: string
  readonly denyKeys?: string
  readonly token?: string
  readonly accessUrl?: string
  readonly nats?: string
  readonly redis?: string
  readonly metricsPort?: number
  readonly metricsHost: string
  readonly trustedProxies: number
  readonly iroh: boolean
  readonly logNames?: boolean
}

async function run(options: RelayOptions): Promise<void> {
  const log = pino({ base: null, name: 'relay' })
  const stop = Promise.withResolvers<NodeJS.Signals>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop.resolve)
  const relay = await startRelay({ ...(await initOf(options)), log })
  log.info({ url: relay.url, metricsUrl: relay.metricsUrl }, 'listening')
  const signal = await stop.promise
  // A second signal does not wait.
  for (const again of ['SIGTERM', 'SIGINT'] as const) process.once(again, () => void relay.close())
  log.info({ signal }, 'ending')
  await relay.drain()
  log.info(relay.counts, 'ended')
}

async function initOf(options: RelayOptions): Promise<RelayInit> {
  const { host, port, name: names, metricsPort, metricsHost, trustedProxies, nats, redis } = options
  if (nats !== undefined && redis !== undefined) {
    throw new RelayError('ERR_RELAY_CONFIG', '--nats and --redis are both given, expected one')
  }
  return {
    host,
    port,
    names,
    tls: await tlsOf(options),
    access: await accessOf(options),
    limits: Object.fromEntries(limitNames.map((limit) => [limit, options[limit]])),
    connectBackPlane: backPlaneOf({ nats, redis }),
    metrics: metricsPort === undefined ? undefined : { host: metricsHost, port: metricsPort },
    trustedProxies,
    servesIroh: options.iroh,
    logsNames: options.logNames,
  }
}

function isLimit(name: string): name is keyof RelayLimits {
  return Object.hasOwn(DEFAULT_LIMITS, name)
}

function backPlaneOf({
  nats,
  redis,
}: {
  readonly nats: string | undefined
  readonly redis: string | undefined
}): RelayInit['connectBackPlane'] {
  // Neither client is loaded by a relay that stands alone.
  if (nats !== undefined) {
    return async (events) => (await import('./nats-back-plane.ts')).connectNats(nats, events)
  }
  if (redis !== undefined) {
    return async (events) => (await import('./redis-back-plane.ts')).connectRedis(redis, events)
  }
  return undefined
}

async function tlsOf({ tlsCert, tlsKey }: RelayOptions): Promise<RelayInit['tls']> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new RelayError('ERR_RELAY_CONFIG', 'one of --tls-cert and --tls-key is missing')
  }
  return { cert: await read(tlsCert, '--tls-cert'), key: await read(tlsKey, '--tls-key') }
}

async function accessOf(options: RelayOptions): Promise<AccessRules> {
  const { allowKeys, denyKeys, token, accessUrl } = options
  if (accessUrl !== undefined && !/^https?:/.test(accessUrl)) {
    throw new RelayError('ERR_RELAY_CONFIG', `--access-url is ${accessUrl}, expected http(s)://…`)
  }
  return {
    allowKeys: allowKeys === undefined ? undefined : await readKeys(allowKeys, '--allow-keys'),
    denyKeys: denyKeys === undefined ? undefined : await readKeys(denyKeys, '--deny-keys'),
    token,
    callOut: accessUrl === undefined ? undefined : new URL(accessUrl),
  }
}

async function readKeys(file: string, option: string): Promise<Set<string>> {
  const lines = (await read(file, option)).split('\n').map((line) => line.replace(/#.*/, '').trim())
  const keys = lines.filter((line) => line !== '')
  const wrong = keys.findIndex((key) => !isPeerId(key))
  if (wrong === -1) return new Set(keys)
  throw new RelayError('ERR_RELAY_CONFIG', `entry ${wrong + 1} of ${option} is no peer id`, {
    hint: 'write 64 characters of lower-case hex on each line, and comments after #',
  })
}

async function read(file: string, option: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new RelayError('ERR_RELAY_CONFIG', `${option}: ${file} cannot be read`, { cause })
  }
}

/** Reads the number of one option. */
function numberOf(option: string): (text: string) => number {
  return (text) => {
    const number = Number(text)
    // An empty text would be 0.
    if (text.trim() !== '' && Number.isSafeInteger(number) && number >= 0) return number
    const message = `${option} is ${JSON.stringify(text)}, expected a whole number of 0 or more`
    throw new RelayError('ERR_RELAY_CONFIG', message)
  }
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function toldError(error: unknown): string {
  if (!isVudoError(error)) return String(error)
  const hint = error.hint === undefined ? '' : `\n  ${error.hint}`
  return `${error.code}: ${error.message}${hint}`
}
