/**
 * Ed25519 node keys, peer ids, domain-separated signatures, sealing to a peer, peer
 * records and tickets. Keys in files are in `@vudo/identity/key-file`.
 *
 * @packageDocumentation
 */
export {
  createAgreementKey,
  hkdfSha256,
  hmacSha256,
  randomBytes,
  sha256,
  timingSafeEqual,
} from '#crypto'
export { IdentityError, isIdentityError, type IdentityErrorCode } from './errors.ts'
export {
  createAuthorKey,
  createNodeKey,
  signMessage,
  verifyMessage,
  type AuthorKey,
  type NodeKey,
  type SigningKey,
} from './keys.ts'
export { createEd25519Key, verifyEd25519, verifyEd25519Async, type Ed25519Key } from './ed25519.ts'
export * from './limits.ts'
export { decodePeerRecord, signPeerRecord, type PeerRecordContent } from './peer-record.ts'
export type { AgreementKey, HkdfOptions } from './primitives.ts'
export { seal, type OpenedMessage, type SealOptions } from './sealed.ts'
export {
  createSealingKeys,
  type OpenOptions,
  type SealingKeys,
  type SealingKeysInit,
} from './sealing-keys.ts'
export { signatureTags, verifySignature } from './signature.ts'
export {
  createDatabaseSecret,
  encodeTicket,
  parseTicket,
  type Ticket,
  type TicketPeer,
} from './ticket.ts'
