import { access, constants, stat } from 'node:fs/promises'
import path from 'node:path'
import { isVudoError } from '@vudo/transport'
import type { Finding } from './finding.ts'

/** Could a node work in this folder? Nothing is made in it, not even the folder. */
export async function examineFolder(dataDir: string, isInUse: boolean): Promise<Finding[]> {
  const place = await writable(dataDir)
  // What cannot be entered has nothing to say about what is in it.
  if (place.state !== 'ok') return [place]
  const { examineDataDirectory } = await import('@vudo/p2p')
  const parts = await examineDataDirectory(dataDir, { isInUse })
  return [
    place,
    ...parts.map(({ part, state, error }): Finding => {
      if (state === 'broken') return broken(part, error)
      const message = state === 'ok' ? 'can be used' : 'not there yet; the first start makes it'
      return { check: part, state: 'ok', message }
    }),
  ]
}

async function writable(dataDir: string): Promise<Finding> {
  const place = await nearestExisting(dataDir)
  const begin = place === dataDir ? place : `${dataDir} is not there yet; ${place}`
  try {
    await access(place, constants.R_OK | constants.W_OK | constants.X_OK)
    if (!(await stat(place)).isDirectory()) throw new Error('it is no folder')
    return { check: 'folder', state: 'ok', message: `${begin} can be written` }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return {
      check: 'folder',
      state: 'bad',
      message: `${begin} cannot be written: ${reason}`,
      hint: 'choose another with --data-dir, or change its owner',
    }
  }
}

/** The folder itself, or the one above it in which it would be made. */
async function nearestExisting(dataDir: string): Promise<string> {
  let place = dataDir
  while (!(await exists(place)) && path.dirname(place) !== place) place = path.dirname(place)
  return place
}

async function exists(place: string): Promise<boolean> {
  try {
    await stat(place)
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}

function broken(part: string, error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error)
  const { code, hint } = isVudoError(error) ? error : { code: 'ERR_INTERNAL', hint: undefined }
  return { check: part, state: 'bad', message: `${code}: ${message}`, hint }
}
