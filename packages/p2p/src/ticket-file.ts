import { open, type FileHandle } from 'node:fs/promises'
import process from 'node:process'
import { encodeTicket, parseTicket, type Ticket } from '@vudo/identity'
import { writeFileAtomic } from '@vudo/storage'
import { P2PError } from './errors.ts'
import { MAX_TICKET_FILE_BYTES } from './limits.ts'

/** Windows has no such permissions; there the profile folder keeps others out. */
const isWindows = process.platform === 'win32'

/**
 * Reads the ticket that {@link writeTicketFile} wrote.
 *
 * @returns `undefined` when there is no file.
 * @throws `P2PError` `ERR_TICKET_FILE_UNREADABLE`, `ERR_TICKET_FILE_INVALID`, `ERR_TICKET_FILE_EXPOSED`.
 */
export async function readTicketFile(file: string): Promise<Ticket | undefined> {
  const text = await readText(file)
  if (text === undefined) return undefined
  try {
    return parseTicket(text)
  } catch (cause) {
    throw new P2PError('ERR_TICKET_FILE_INVALID', `${file} does not hold a ticket`, {
      cause,
      hint: 'restore it from a backup, or move it away and name the database: its secret is in the ticket only',
    })
  }
}

/**
 * Replaces the file, for its owner alone: a ticket holds the secret of its database.
 *
 * @throws `P2PError` `ERR_TICKET_FILE_UNWRITABLE`.
 */
export async function writeTicketFile(file: string, ticket: Ticket): Promise<void> {
  const bytes = new TextEncoder().encode(`${encodeTicket(ticket)}\n`)
  try {
    await writeFileAtomic(file, bytes, { mode: 0o600 })
  } catch (cause) {
    throw new P2PError('ERR_TICKET_FILE_UNWRITABLE', `${file} cannot be written`, {
      cause,
      hint: 'make the data directory writable, or choose another one with dataDir',
    })
  }
}

async function readText(file: string): Promise<string | undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    const stats = await handle.stat()
    // A folder has other permissions, and taking those away would not make it a ticket.
    if (!stats.isFile()) return ''
    if (!isWindows && (stats.mode & 0o077) !== 0) throw exposed(file, stats.mode & 0o777)
    // Too large to be ours: refused as malformed without reading it.
    return stats.size <= MAX_TICKET_FILE_BYTES ? await handle.readFile('utf8') : ''
  } catch (cause) {
    if (cause instanceof P2PError) throw cause
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new P2PError('ERR_TICKET_FILE_UNREADABLE', `${file} cannot be read`, {
      cause,
      hint: 'make it readable for this user, or choose another data directory with dataDir',
    })
  } finally {
    await handle?.close()
  }
}

function exposed(file: string, mode: number): P2PError {
  const message = `${file} has permissions ${mode.toString(8)}, expected 600`
  return new P2PError('ERR_TICKET_FILE_EXPOSED', message, {
    hint: `chmod 600 ${file}; if others may have read it, they can join the database`,
  })
}
