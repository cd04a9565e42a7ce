import process from 'node:process'
import { pino, type Logger } from 'pino'
import type { EventHub } from '@vudo/events'
import { MAX_WAITING_LOG_LINES } from './limits.ts'

/** The levels that `VUDO_LOG` knows, from silent to talkative. */
const levels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
type Level = (typeof levels)[number]

/** Which module logs how much; the module `''` stands for all others. */
export type LogLevels = ReadonlyMap<string, Level>

/** Events that somebody who looks for a fault wants to see; all others are for a close look. */
const warnings: ReadonlySet<string> = new Set([
  'search:failed',
  'peer:fault',
  'document:quarantined',
  'warning',
])

/**
 * Reads `VUDO_LOG`: one level for everything, or `module=level` pairs with commas, or
 * both, for example `info,p2p:network=debug`. What is not understood is left out: a
 * misspelled log level must not stop a program.
 */
export function parseLogLevels(text: string | undefined): LogLevels {
  const byModule = new Map<string, Level>()
  for (const part of (text ?? '').split(',')) {
    const [module, level] = part.includes('=') ? part.split('=', 2) : ['', part]
    const known = levels.find((name) => name === level?.trim().toLowerCase())
    if (known !== undefined && module !== undefined) byModule.set(module.trim(), known)
  }
  return byModule
}

/** The level of a module: its own, that of the modules around it (`p2p` for `p2p:sync`), or that of all. */
export function levelOf(module: string, logLevels: LogLevels): Level {
  const parts = module.split(':')
  while (parts.length > 0) {
    const level = logLevels.get(parts.join(':'))
    if (level !== undefined) return level
    parts.pop()
  }
  return logLevels.get('') ?? 'silent'
}

/** Writes one line, when `VUDO_LOG` asks for that level. */
export function log(level: 'info' | 'warn', module: string, message: string): void {
  loggerOf(module)?.[level](message)
}

const warned = new Set<string>()

/** Warns the person who wrote the program, whatever `VUDO_LOG` says: once per process. */
export function warnOnce(message: string): void {
  if (warned.has(message)) return
  warned.add(message)
  process.emitWarning(message, 'VudoWarning')
}

/**
 * Writes the events of `hub` to the standard error, as JSON lines of the module, when
 * `VUDO_LOG` asks for them: what points to a fault at level `warn`, the rest at `debug`.
 * Payloads of our events hold peer ids, paths and codes; never keys, tickets or content.
 * Ends with the hub.
 */
export function logEvents<Events extends object>(hub: EventHub<Events>, module: string): void {
  const logger = loggerOf(module)
  if (!logger?.isLevelEnabled('warn')) return
  const events = hub.subscribe({ bufferSize: MAX_WAITING_LOG_LINES })
  const finished = (async () => {
    for await (const { type, payload } of events) {
      const level = warnings.has(type) ? 'warn' : 'debug'
      if (logger.isLevelEnabled(level)) logger[level]({ payload: shown(payload) }, type)
    }
  })()
  // It ends with the hub; an error in writing a log line ends the log and nothing else.
  finished.catch(() => {})
}

function loggerOf(module: string): Logger | undefined {
  const level = levelOf(module, parseLogLevels(process.env['VUDO_LOG']))
  if (level === 'silent') return undefined
  // Without the host's name, which pino adds: logs are pasted into reports.
  const base = { pid: process.pid }
  return pino({ name: module, level, base }, pino.destination({ dest: 2, sync: true }))
}

/** The plain fields of a payload: objects of ours (sessions, handles) are named and not walked. */
function shown(payload: unknown): unknown {
  if (typeof payload !== 'object' || payload === null) return payload
  return Object.fromEntries(
    Object.entries(payload).map(([key, value]) => [
      key,
      value instanceof Error ? { name: value.name, message: value.message } : plain(value),
    ]),
  )
}

function plain(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? `[${value.constructor?.name ?? 'object'}]`
    : value
}
