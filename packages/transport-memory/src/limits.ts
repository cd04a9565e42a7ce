/** Every bound of the memory transport, with its unit and reason. */

/** Bytes of one message of a pipe: what one record of `secure-channel` may have. Larger ones are split there. */
export const MAX_PIPE_MESSAGE_BYTES = 65_535

/** Messages under way in one direction of a pipe; at the limit `send` waits. */
export const MAX_PIPE_MESSAGES = 16
