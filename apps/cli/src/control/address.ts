import { createHash } from 'node:crypto'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { MAX_SOCKET_PATH_BYTES } from '../limits.ts'

/**
 * Where the node of a data directory listens for commands: a Unix socket inside the
 * directory, or a named pipe on Windows. Two processes that name the same directory
 * get the same address.
 */
export function controlAddress(dataDir: string): string {
  const home = path.resolve(dataDir)
  const name = createHash('sha256').update(home).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\vudo-${name}`
  const socket = path.join(home, 'control.sock')
  if (Buffer.byteLength(socket) <= MAX_SOCKET_PATH_BYTES) return socket
  // The system cuts longer paths off; a folder of this user's own takes its place.
  return path.join(tmpdir(), `vudo-${userInfo().uid}`, `${name}.sock`)
}
