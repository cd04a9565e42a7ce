/**
 * Makes any message pipe safe: Noise XX encryption end to end, and proof of the far end's Ed25519 key.
 *
 * @packageDocumentation
 */
export { isSecureChannelError, SecureChannelError, type SecureChannelErrorCode } from './errors.ts'
export * from './limits.ts'
export type { X25519KeyPair, X25519PublicKey } from './primitives.ts'
export { maxLinkMessageBytes, type RekeyLimits } from './records.ts'
export { secureLink, type ChannelLimits, type SecureLinkOptions } from './secure-link.ts'
export { createStaticKeys, type StaticKeys } from './static-keys.ts'
export { createTransportContext, type TransportContextInit } from './transport-context.ts'
