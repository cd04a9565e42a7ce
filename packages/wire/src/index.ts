/**
 * Varints, length-prefixed frames and bounded strict CBOR: how every protocol here writes and reads bytes.
 *
 * @packageDocumentation
 */
export {}
