/** Names a stored payload: 4 bytes of key table, 12 random ones. Says nothing about the payload. */
export type PayloadId = Uint8Array

/** Bytes of a {@link PayloadId}. */
export const PAYLOAD_ID_BYTES = 16

/**
 * Keeps payloads, each encrypted under a random key of its own, so that destroying key and
 * ciphertext destroys it. Pieces of `PAYLOAD_CHUNK_BYTES` are sealed one by one: memory is
 * bounded whatever the length.
 *
 * Everything throws `WillowError` `ERR_PAYLOAD_STORE` when the disk fails.
 */
export interface PayloadVault {
  /** A name that is not used yet. Nothing is kept of it. */
  reserve(): PayloadId
  /** Makes key and place for a reserved name; the key is durable when this settles. */
  create(id: PayloadId): Promise<void>
  /**
   * Seals a piece and keeps it, durable after {@link sync} only.
   *
   * @param index - 0 or more; all but the last have `PAYLOAD_CHUNK_BYTES`.
   * @throws `WillowError` `ERR_ENTRY_GONE` when the payload was destroyed.
   */
  append(id: PayloadId, index: number, chunk: Uint8Array): Promise<void>
  /** Makes durable what was appended. */
  sync(id: PayloadId): Promise<void>
  /**
   * A piece as it was appended, in a new buffer.
   *
   * @param length - Its length.
   * @throws `WillowError` `ERR_PAYLOAD_DAMAGED`, or `ERR_ENTRY_GONE` when the payload was destroyed.
   */
  read(id: PayloadId, index: number, length: number): Promise<Uint8Array>
  /** Destroys keys and ciphertexts, durably; what does not exist is no error. */
  destroy(ids: readonly PayloadId[]): Promise<void>
  /** Waits for what is under way and frees everything. */
  close(): Promise<void>
}
