import { stripVTControlCharacters } from 'node:util'
import process from 'node:process'
import { isVudoError } from '@vudo/transport'
import { MAX_SHOWN_CHARACTERS } from './limits.ts'

/** Prints one value for programs: one line of JSON, bytes as hex. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, bytesAsHex)}\n`)
}

/** Prints one line for people. */
export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`)
}

/** Prints an error as one line of JSON, for programs. */
export function printJsonError(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  const { code, hint } = isVudoError(error) ? error : { code: 'ERR_INTERNAL', hint: undefined }
  process.stderr.write(`${JSON.stringify({ error: { code, message, hint } })}\n`)
}

/** Prints an error for people: what happened, what to do, where to read on. Never a stack trace. */
export function printError(error: unknown): void {
  for (const line of describeError(error)) process.stderr.write(`${line}\n`)
}

/** Tells on the standard error how far something is. */
export interface Progress {
  /** One more is done. */
  advance(): void
  /** Takes the line away again. */
  end(): void
}

/** After how many a line is printed where nobody may be looking, and after how many on a terminal. */
const progressSteps = { log: 1_000, terminal: 20 }

/** Begins to count `what`: one line that changes on a terminal, else a line for every 1,000. */
export function showProgress(what: string): Progress {
  const { isTTY } = process.stderr
  const step = isTTY ? progressSteps.terminal : progressSteps.log
  let count = 0
  return {
    advance: () => {
      count += 1
      if (count % step === 0) process.stderr.write(`${count} ${what}${isTTY ? '\r' : '\n'}`)
    },
    end: () => {
      if (isTTY && count >= step) process.stderr.write('\u001b[K')
    },
  }
}

/** The lines of {@link printError}. */
export function describeError(error: unknown): string[] {
  if (!isVudoError(error)) {
    return [`vudo: ${shownText(error instanceof Error ? error.message : String(error))}`]
  }
  return [
    `vudo: ${error.code}: ${shownText(error.message, 4 * MAX_SHOWN_CHARACTERS)}`,
    ...(error.hint === undefined
      ? []
      : [`  hint: ${shownText(error.hint, 4 * MAX_SHOWN_CHARACTERS)}`]),
    `  docs: ${error.docs}`,
  ]
}

/** Control characters (`Cc`), and those that change the direction of writing. */
const unshowable = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/**
 * A text that may come from a peer, fit for a terminal: no escape sequences, no control
 * and no direction-changing characters (U+FFFD stands for each), and not too long.
 */
export function shownText(text: string, most: number = MAX_SHOWN_CHARACTERS): string {
  const clean = stripVTControlCharacters(text).replace(unshowable, '\ufffd')
  return clean.length <= most ? clean : `${clean.slice(0, most - 1)}…`
}

/** A word of a command line that can be pasted into a shell. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** The beginning of a peer id: enough to tell the peers of one screen apart. */
export function shortId(peerId: string): string {
  return `${peerId.slice(0, 8)}…`
}

function bytesAsHex(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}
