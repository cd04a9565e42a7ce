/**
 * Tickets: one line of text that lets somebody take part in a database. The format is
 * in `docs/wire-formats/ticket.md`.
 *
 * A ticket IS the key to the database: whoever reads it can join. Show it only when
 * the user asks, never log it.
 */
import {
  isPeerId,
  MAX_ADDRESS_CHARACTERS,
  PEER_KEY_BYTES,
  type Address,
  type PeerId,
} from '@vudo/transport'
import {
  base32ToBytes,
  bytesEqual,
  bytesToBase32,
  bytesToHex,
  concatBytes,
  createByteReader,
  createByteWriter,
  hexToBytes,
  isWireError,
  type ByteReader,
  type ByteWriter,
} from '@vudo/wire'
import { isAddressText } from './address.ts'
import { randomBytes, sha256 } from '#crypto'
import { IdentityError } from './errors.ts'
import {
  MAX_DATABASE_ID_BYTES,
  MAX_ROLE_CHARACTERS,
  MAX_TICKET_CHARACTERS,
  MAX_TICKET_PEERS,
  SEED_BYTES,
} from './limits.ts'
import { signedBytes } from './signature.ts'

const prefix = 'vudo1'
const checksumBytes = 4
const flag = { secret: 1, role: 2 }
const rolePattern = /^[a-z][a-z0-9-]*$/

/** Somebody who can be dialled to begin with. */
export interface TicketPeer {
  /** Who is meant to be there; left out: whoever proves to be a member. */
  readonly peerId?: PeerId | undefined
  readonly address: Address
}

/**
 * What somebody needs to take part in a database. Printing one that `parseTicket`
 * made hides the secret; copies of it are plain objects and do not.
 */
export interface Ticket {
  /** 1 to 255 bytes of UTF-8. */
  readonly databaseId: string
  /** 32 bytes that members prove to know; `undefined`: the database is open, anybody who knows its id is a member. */
  readonly secret: Uint8Array | undefined
  /** What the inviter meant the holder to be: 1 to 32 of a-z, 0-9 and `-`. Advice, proof of nothing. */
  readonly role?: string | undefined
  /** At most 8, best first. */
  readonly peers: readonly TicketPeer[]
}

/** A new secret for a private database: 32 random bytes. */
export function createDatabaseSecret(): Uint8Array {
  return randomBytes(SEED_BYTES)
}

/**
 * The ticket as one word of lower-case letters and digits. It holds the secret.
 *
 * @throws `RangeError` when a field is out of its range, or the text would have more
 *   than 1,024 characters: name fewer peers.
 */
export function encodeTicket(ticket: Ticket): string {
  const payload = encodePayload(ticket)
  const text = prefix + bytesToBase32(concatBytes(payload, checksum(payload)))
  if (text.length > MAX_TICKET_CHARACTERS) {
    const most = MAX_TICKET_CHARACTERS
    throw new RangeError(`ticket has ${text.length} characters, expected at most ${most}`)
  }
  return text
}

/**
 * Reads a ticket that somebody pasted or typed: upper case and space around it do no harm.
 *
 * @throws `IdentityError` `ERR_TICKET_INVALID`, whatever the text is. The message says
 *   what is wrong and never quotes the text, the hint says what to do.
 */
export function parseTicket(text: string): Ticket {
  const word = text.trim()
  if (word.length > MAX_TICKET_CHARACTERS) {
    throw invalid(`ticket has ${word.length} characters, expected at most ${MAX_TICKET_CHARACTERS}`)
  }
  const lower = word.toLowerCase()
  if (!lower.startsWith(prefix)) throw notOurs(lower)
  return decodeTicket(lower.slice(prefix.length))
}

function notOurs(lower: string): IdentityError {
  if (/^vudo[0-9]/.test(lower)) {
    const hint = 'Update this program: the ticket was made by a newer one.'
    return new IdentityError('ERR_TICKET_INVALID', 'ticket is of an unknown version', { hint })
  }
  const hint = `Paste the whole ticket; it is one word that begins with "${prefix}".`
  return new IdentityError('ERR_TICKET_INVALID', 'text is not a ticket', { hint })
}

function decodeTicket(base32: string): Ticket {
  try {
    const bytes = base32ToBytes(base32)
    const end = Math.max(0, bytes.length - checksumBytes)
    const payload = bytes.subarray(0, end)
    if (!bytesEqual(bytes.subarray(end), checksum(payload))) {
      throw invalid('checksum does not match: a character is wrong or missing')
    }
    return hiding(decodePayload(createByteReader(payload)))
  } catch (cause) {
    if (!isWireError(cause)) throw cause
    throw invalid('ticket has a character that tickets do not have, or is cut off', cause)
  }
}

function encodePayload(ticket: Ticket): Uint8Array {
  const { databaseId, secret, role, peers } = ticket
  const id = new TextEncoder().encode(databaseId)
  const isId = databaseId.isWellFormed() && id.length > 0 && id.length <= MAX_DATABASE_ID_BYTES
  if (!isId) throw new RangeError(`database id is not 1 to ${MAX_DATABASE_ID_BYTES} bytes of text`)
  if (secret && secret.length !== SEED_BYTES) {
    throw new RangeError(`secret has ${secret.length} bytes, expected ${SEED_BYTES}`)
  }
  if (role !== undefined && !isRole(role)) {
    throw new RangeError(`role is not 1 to ${MAX_ROLE_CHARACTERS} of a-z, 0-9 and -`)
  }
  if (peers.length > MAX_TICKET_PEERS) {
    throw new RangeError(`ticket has ${peers.length} peers, expected at most ${MAX_TICKET_PEERS}`)
  }
  const flags = (secret ? flag.secret : 0) + (role === undefined ? 0 : flag.role)
  const writer = createByteWriter(256).u8(flags).prefixed(id)
  if (secret) writer.bytes(secret)
  if (role !== undefined) writer.text(role)
  writer.u8(peers.length)
  for (const peer of peers) encodePeer(writer, peer)
  return writer.finish()
}

function encodePeer(writer: ByteWriter, { peerId, address }: TicketPeer): void {
  if (!isAddressText(address)) {
    throw new RangeError('address is no URI of at most 255 printable ASCII characters')
  }
  if (peerId !== undefined && !isPeerId(peerId)) {
    throw new RangeError('peer id is not 64 characters of lower-case hex')
  }
  writer.u8(peerId === undefined ? 0 : 1)
  if (peerId !== undefined) writer.bytes(hexToBytes(peerId))
  writer.text(address)
}

function decodePayload(reader: ByteReader): Ticket {
  const flags = reader.u8()
  if (flags > flag.secret + flag.role) {
    throw invalid('ticket holds a field that is not known here', undefined, 'Update this program.')
  }
  const databaseId = reader.text(MAX_DATABASE_ID_BYTES)
  if (databaseId === '') throw invalid('ticket names no database')
  const secret = (flags & flag.secret) === 0 ? undefined : reader.bytes(SEED_BYTES).slice()
  const role = (flags & flag.role) === 0 ? undefined : reader.text(MAX_ROLE_CHARACTERS)
  if (role !== undefined && !isRole(role)) throw invalid('ticket has a malformed role')
  const count = reader.u8()
  if (count > MAX_TICKET_PEERS) {
    throw invalid(`ticket has ${count} peers, expected at most ${MAX_TICKET_PEERS}`)
  }
  const peers: TicketPeer[] = []
  while (peers.length < count) peers.push(decodePeer(reader))
  reader.end()
  return { databaseId, secret, ...(role === undefined ? {} : { role }), peers }
}

function decodePeer(reader: ByteReader): TicketPeer {
  const hasId = reader.u8()
  if (hasId > 1) throw invalid('ticket has a malformed peer')
  const peerId = hasId === 1 ? bytesToHex(reader.bytes(PEER_KEY_BYTES)) : undefined
  const address = reader.text(MAX_ADDRESS_CHARACTERS)
  if (!isAddressText(address)) throw invalid('ticket has a malformed address')
  return { ...(peerId === undefined ? {} : { peerId }), address }
}

function isRole(role: string): boolean {
  return role.length <= MAX_ROLE_CHARACTERS && rolePattern.test(role)
}

/** Finds slips of the keyboard; it keeps nobody from making a ticket up. */
function checksum(payload: Uint8Array): Uint8Array {
  return sha256(signedBytes('vudo/ticket/1', payload)).subarray(0, checksumBytes)
}

/** Keeps the secret out of logs that somebody prints the ticket into, without changing what code sees. */
function hiding(ticket: Ticket): Ticket {
  const shown = (): object => ({ ...ticket, secret: ticket.secret && '[hidden]' })
  return Object.defineProperties(ticket, {
    toJSON: { value: shown },
    [Symbol.for('nodejs.util.inspect.custom')]: { value: shown },
  })
}

function invalid(message: string, cause?: unknown, hint?: string): IdentityError {
  return new IdentityError('ERR_TICKET_INVALID', message, {
    cause,
    hint: hint ?? 'Copy the whole ticket again, from the first character to the last.',
  })
}
