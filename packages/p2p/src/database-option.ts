/** The option `database`: which one a node takes part in. */
import { MAX_DATABASE_ID_BYTES, parseTicket, type Ticket } from '@vudo/identity'
import { TransportError } from '@vudo/transport'

/** How the id of an open database is written, so that no damaged ticket is taken for one. */
const openPrefix = 'open:'

/**
 * A ticket, or `open:` and the id of an open database. Nothing else is guessed: a ticket
 * that lost its beginning would name a public database.
 *
 * @throws `IdentityError` `ERR_TICKET_INVALID`; `TransportError` `ERR_CONFIG_INVALID` for an
 *   id that is empty, too long, no text or a ticket, and for everything else.
 */
export function parseDatabase(given: string): Ticket {
  const text = given.trim()
  if (isTicketLike(text)) return parseTicket(text)
  if (!text.startsWith(openPrefix)) throw invalidDatabase(given, 'a text')
  const databaseId = text.slice(openPrefix.length).trim()
  const bytes = new TextEncoder().encode(databaseId).length
  const isId = databaseId.isWellFormed() && bytes >= 1 && bytes <= MAX_DATABASE_ID_BYTES
  // A ticket after `open:` would tell its secret to everybody who hears of the database.
  if (!isId || isTicketLike(databaseId)) throw invalidDatabase(databaseId, 'an id')
  return { databaseId, secret: undefined, peers: [] }
}

function isTicketLike(text: string): boolean {
  return /^vudo[0-9]/i.test(text)
}

/** Does not quote the text: it may be most of a ticket, which is a secret. */
function invalidDatabase(text: string, what: string): TransportError {
  const bytes = new TextEncoder().encode(text).length
  return new TransportError(
    'ERR_CONFIG_INVALID',
    `database is ${what} of ${bytes} bytes, expected a ticket (one word that begins with vudo1), ` +
      `or open:<id> for a public database (an id of 1 to ${MAX_DATABASE_ID_BYTES} bytes, no ticket)`,
    { hint: 'paste the whole ticket, from the first character to the last' },
  )
}
