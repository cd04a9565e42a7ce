/** Whether this machine's connection costs by the byte, where the platform tells. */
import { execFile } from 'node:child_process'
import process from 'node:process'
import { PLATFORM_TIMEOUT_MS } from './limits.ts'

/**
 * Asks the platform: NetworkManager on Linux. Elsewhere nothing tells a program without
 * native code, and the answer is `undefined`: a person says it with the option
 * `bandwidth.profile` or with `setProfile`.
 */
export async function isConnectionMetered(): Promise<boolean | undefined> {
  if (process.platform !== 'linux') return undefined
  const answer = await ask('nmcli', ['-t', '-f', 'GENERAL.STATE,GENERAL.METERED', 'device', 'show'])
  return answer === undefined ? undefined : readMetered(answer)
}

/**
 * Reads what `nmcli -t` says: blocks of `KEY:value` per device. One connected device that is
 * metered is enough: nobody knows over which the next packet goes.
 */
export function readMetered(text: string): boolean | undefined {
  const devices = text.split(/\n\s*\n/).filter((block) => /GENERAL\.STATE:100\b/.test(block))
  const answers = devices.map((block) => /GENERAL\.METERED:(\w+)/.exec(block)?.[1])
  if (answers.includes('yes')) return true
  return answers.includes('no') ? false : undefined
}

/** What a program prints; `undefined` when it is not there or fails. */
function ask(program: string, args: readonly string[]): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const options = {
    timeout: PLATFORM_TIMEOUT_MS,
    maxBuffer: 65_536,
    env: { ...process.env, LC_ALL: 'C' },
  }
  execFile(program, args, options, (error, stdout) => resolve(error ? undefined : stdout))
  return promise
}
