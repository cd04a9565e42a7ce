/**
 * Where options come from: the program, the environment, a file; in this order, and the
 * defaults last. Each source is checked for itself, so that an error names the source.
 */
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { isVudoError, TransportError, type VudoError } from '@vudo/transport'
import { dataDirectory } from './data-directory.ts'
import { P2PError } from './errors.ts'
import { MAX_CONFIG_FILE_BYTES } from './limits.ts'
import { nearestName } from './nearest-name.ts'
import { optionTable, variableOf, variablesByLikelyName, type OptionRow } from './option-table.ts'
import { checkTypes } from './option-types.ts'
import type { P2POptions } from './options.ts'
import { parseP2POptions, type P2PSettings } from './settings.ts'

/** Where one value comes from. */
export type OptionOrigin = 'code' | 'environment' | 'file' | 'default'

/** One option as it is in force. */
export interface OptionReport {
  /** Dotted: `discovery.enableMdns`. */
  readonly name: string
  /** What holds. A text where it is a function or what the default says in words. A ticket is never shown. */
  readonly value: unknown
  readonly origin: OptionOrigin
  /** The variable or the file that says so. */
  readonly from?: string | undefined
  /** The variable in which it may stand. */
  readonly variable?: string | undefined
  /** False while no part of this version does anything with it. */
  readonly isUsed: boolean
}

/** Options of all sources, merged and checked. */
export interface Configuration {
  readonly settings: P2PSettings
  /** Every option, in the order of the documentation. */
  readonly report: readonly OptionReport[]
}

/** Names of options of dataDir's own file: it cannot say where it lies. */
const notInOwnFile = ['app', 'dataDir', 'config', 'storage']

type Values = ReadonlyMap<string, unknown>
/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** One source of options. */
interface Source {
  readonly origin: OptionOrigin
  readonly values: Values
  /** Who says so, for messages. */
  readonly nameOf: (option: string) => string
}

/**
 * Reads all sources. Nothing is made, not even a folder.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`, whose message begins with the source unless
 *   it is the program; `P2PError` `ERR_CONFIG_UNREADABLE`; what `createP2P` throws for its options.
 */
export async function readConfiguration(
  options: P2POptions,
  environment: Environment,
): Promise<Configuration> {
  checkTypes(options)
  const code: Source = { origin: 'code', values: valuesOf(options), nameOf: (name) => name }
  const variables: Source = {
    origin: 'environment',
    values: readEnvironment(environment),
    nameOf: (name) => variableOf(name) ?? name,
  }
  checked(variables)
  const sources = [code, variables, ...(await readFileSource([code, variables]))]
  const merged = merge(sources)
  // A program that keeps nothing needs no folder, whatever the machine's is.
  if (code.values.get('storage') === 'memory' && !code.values.has('dataDir'))
    merged.delete('dataDir')
  return { settings: parseP2POptions(nested(merged)), report: report(sources) }
}

/** Which variables name options, and what they say. A name that is nearly one is refused. */
function readEnvironment(environment: Environment): Values {
  const optionByVariable = new Map(
    Object.keys(optionTable).flatMap((name) => {
      const variable = variableOf(name)
      return variable === undefined ? [] : [[variable, name] as const]
    }),
  )
  const values = new Map<string, unknown>()
  for (const [variable, text] of Object.entries(environment)) {
    // An empty one is how shells and service managers say that there is none.
    if (text === undefined || text === '' || !variable.startsWith('VUDO_')) continue
    const name = optionByVariable.get(variable)
    if (name !== undefined) values.set(name, fromText(variable, text, optionTable[name]))
    else refuseMisspelled(variable)
  }
  return values
}

/** Variables of the commands and of other programs of this project are left to them. */
const othersPrefixes = /^VUDO_(?:TEST|DEMO)_/
/** Those of the relay each by its name: one of ours that looks like them must not be swallowed. */
const othersVariables = [
  'VUDO_LOG',
  'VUDO_P2P_BIND',
  'VUDO_RELAY_TOKEN',
  'VUDO_RELAY_NATS',
  'VUDO_RELAY_REDIS',
]

function refuseMisspelled(variable: string): void {
  if (othersVariables.includes(variable) || othersPrefixes.test(variable)) return
  const likely = variablesByLikelyName()
  const nearest = nearestName(variable, [...likely.keys(), ...othersVariables])
  if (nearest === undefined) return
  throw new TransportError('ERR_CONFIG_INVALID', `the variable ${variable} names no option`, {
    hint: `did you mean ${likely.get(nearest) ?? nearest}?`,
  })
}

/** The value that a text of the environment means; wrong ones go on as they are, and are refused as any other. */
function fromText(variable: string, text: string, row: OptionRow | undefined): unknown {
  const trimmed = text.trim()
  switch (row?.kind) {
    case 'number':
      if (/^-?\d+(?:\.\d+)?$/.test(trimmed)) return Number(trimmed)
      throw wrongText(variable, text, 'a number')
    case 'boolean':
    case 'boolean or object':
    case 'boolean or bytes':
      if (/^(?:1|true|yes|on)$/i.test(trimmed)) return true
      if (/^(?:0|false|no|off)$/i.test(trimmed)) return false
      throw wrongText(variable, text, 'true or false')
    case 'list of strings':
    case 'list of strings or functions':
      return trimmed.split(',').map((one) => one.trim())
    default:
      return text
  }
}

function wrongText(variable: string, text: string, expected: string): TransportError {
  const shown = JSON.stringify(text.slice(0, 64))
  return new TransportError('ERR_CONFIG_INVALID', `${variable} is ${shown}, expected ${expected}`, {
    hint: `change or unset ${variable}`,
  })
}

/** The file that is named, or that of the data directory where there is one. */
async function readFileSource(before: readonly Source[]): Promise<readonly Source[]> {
  const said = merge(before)
  const chosen = said.get('config')
  if (chosen === undefined && said.get('storage') === 'memory') return []
  const { dataDir, app } = parseP2POptions(nested(pick(said, ['dataDir', 'app'])))
  const place =
    typeof chosen === 'string'
      ? path.resolve(chosen)
      : path.join(dataDirectory({ dataDir, app }), 'config.json')
  const text = await readText(place, chosen !== undefined)
  if (text === undefined) return []
  const source: Source = {
    origin: 'file',
    values: valuesOf(parseFile(place, text)),
    nameOf: () => place,
  }
  const displaced = notInOwnFile.find((name) => source.values.has(name))
  if (chosen === undefined && displaced !== undefined) {
    throw new TransportError('ERR_CONFIG_INVALID', `${place}: ${displaced} cannot stand there`, {
      hint: 'the file lies in the data directory itself: name it with --data-dir or VUDO_DATA_DIR',
    })
  }
  checked(source)
  return [source]
}

async function readText(place: string, isNamed: boolean): Promise<string | undefined> {
  try {
    const { size } = await stat(place)
    if (size <= MAX_CONFIG_FILE_BYTES) return await readFile(place, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (!isNamed && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined
    throw new P2PError('ERR_CONFIG_UNREADABLE', `${place} cannot be read`, {
      cause,
      hint: 'is the path right, and may you read it?',
    })
  }
  throw new TransportError(
    'ERR_CONFIG_INVALID',
    `${place} has more than ${MAX_CONFIG_FILE_BYTES} bytes, expected a small file`,
    { hint: 'is it the right file?' },
  )
}

function parseFile(place: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      checkTypes(value)
      return value
    }
  } catch (cause) {
    if (isVudoError(cause)) throw named(place, cause)
    throw new TransportError('ERR_CONFIG_INVALID', `${place} is not JSON, expected an object`, {
      cause,
      hint: 'text stands in double quotes, and no comma after the last entry',
    })
  }
  throw new TransportError('ERR_CONFIG_INVALID', `${place} is JSON, expected an object in it`, {
    hint: 'for example {"port": 34569}',
  })
}

/** Every source is right by itself, so that a mistake in it is not taken for one of another. */
function checked({ values, nameOf }: Source): void {
  // What holds only together with other sources is checked with all of them.
  const alone = new Map([...values].filter(([name]) => name !== 'mode' && name !== 'encryption'))
  try {
    parseP2POptions(nested(alone))
  } catch (error) {
    if (!isVudoError(error)) throw error
    const option = [...values.keys()].find((name) => error.message.startsWith(name))
    throw named(nameOf(option ?? ''), error)
  }
}

function named(source: string, cause: VudoError): TransportError {
  const code = cause.code === 'ERR_TRANSPORT_MISSING' ? cause.code : 'ERR_CONFIG_INVALID'
  const hint = cause.hint ?? `change ${source}`
  return new TransportError(code, `${source}: ${cause.message}`, { cause, hint })
}

/** Options by their dotted name, other names replaced by the one that counts. */
function valuesOf(options: object, prefix = ''): Map<string, unknown> {
  const values = new Map<string, unknown>()
  const others = new Map<string, unknown>()
  for (const [field, value] of Object.entries(options)) {
    const name = prefix + field
    const row = optionTable[name]
    if (value === undefined || row === undefined) continue
    if (row.kind === 'object' && typeof value === 'object' && value !== null) {
      for (const [inner, one] of valuesOf(value, `${name}.`)) values.set(inner, one)
    } else if (row.aliasOf === undefined) values.set(name, value)
    else others.set(name, value)
  }
  // Kept under their own names where both are given: whether they agree is checked later.
  for (const [name, value] of others) {
    const real = optionTable[name]?.aliasOf ?? name
    values.set(values.has(real) ? name : real, value)
  }
  return values
}

/** The first source that says something counts. */
function merge(sources: readonly Source[]): Map<string, unknown> {
  const merged = new Map<string, unknown>()
  for (const { values } of sources) {
    for (const [name, value] of values) {
      const real = optionTable[name]?.aliasOf
      const isSaid =
        merged.has(name) || (real !== undefined && !values.has(real) && merged.has(real))
      if (!isSaid) merged.set(name, value)
    }
  }
  return merged
}

function pick(values: Values, names: readonly string[]): Values {
  return new Map([...values].filter(([name]) => names.includes(name)))
}

/** Back to the form that a program writes. */
function nested(values: Values): P2POptions {
  const options: Record<string, unknown> = {}
  for (const [name, value] of values) {
    const parts = name.split('.')
    const last = parts.pop() ?? name
    let place = options
    for (const part of parts) {
      const inner = place[part] ?? {}
      place[part] = inner
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made one line above
      place = inner as Record<string, unknown>
    }
    place[last] = value
  }
  return options
}

function report(sources: readonly Source[]): OptionReport[] {
  return Object.entries(optionTable)
    .filter(([, { aliasOf, kind }]) => aliasOf === undefined && kind !== 'object')
    .map(([name, row]) => {
      const source = sources.find(({ values }) => values.has(name))
      const value = source === undefined ? row.byDefault : source.values.get(name)
      const said = source !== undefined && source.origin !== 'code'
      return {
        name,
        value: shownValue(name, value),
        origin: source?.origin ?? 'default',
        from: said ? source.nameOf(name) : undefined,
        variable: variableOf(name),
        isUsed: row.isIdle !== true,
      }
    })
}

/** A ticket and a key are secrets, and so may be what stands in the URL of a relay. */
function shownValue(name: string, value: unknown): unknown {
  if (value === undefined) return null
  if (typeof value === 'function') return 'a function'
  if (value instanceof Uint8Array) return 'a key'
  if (Array.isArray(value)) {
    return value.map((one: unknown) => (typeof one === 'string' ? one : `a ${typeof one}`))
  }
  if (name === 'worker' && typeof value === 'object') return 'with a module'
  if (typeof value !== 'string') return value
  if (name === 'database' && !value.trim().startsWith('open:') && /vudo\d/i.test(value)) {
    return 'a ticket'
  }
  if (name !== 'relayUrl') return value
  return value.replace(/\/\/[^/@]*@/, '//…@').replace(/[?#].*$/, '?…')
}
