import process from 'node:process'
import { pino, type Logger } from 'pino'
import type { EventHub } from '@vudo/events'

/** The levels that `VUDO_LOG` knows, from silent to talkative. */
const levels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
type Level = (typeof levels)[number]

/** Which module logs how much; the module `''` stands for all others. */
export type LogLevels = ReadonlyMap<string, Level>

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

/**
 * Writes every event of `hub` to the standard error, as JSON lines of the module, when
 * `VUDO_LOG` asks for them at level `debug`. Payloads of our events hold peer ids, paths
 * and codes; never keys, tickets or content.
 *
 * @returns Stops it.
 */
export function logEvents<Events extends object>(
  hub: EventHub<Events>,
  module: string,
  logLevels: LogLevels = parseLogLevels(process.env['VUDO_LOG']),
): () => void {
  const level = logLevels.get(module) ?? logLevels.get('') ?? 'silent'
  if (levels.indexOf(level) < levels.indexOf('debug')) return () => {}
  const logger: Logger = pino({ name: module, level }, pino.destination({ dest: 2, sync: true }))
  const events = hub.subscribe()
  const finished = (async () => {
    for await (const { type, payload } of events) logger.debug({ payload: shown(payload) }, type)
  })()
  // It ends with the hub; an error in writing a log line ends the log and nothing else.
  finished.catch(() => {})
  return () => events.close()
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
