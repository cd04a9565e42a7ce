/**
 * Durable, checksummed key-value storage on abstract-level: atomic batches, one owner, nothing acknowledged is lost.
 *
 * @packageDocumentation
 */
export {}
