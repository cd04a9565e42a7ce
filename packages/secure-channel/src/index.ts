/**
 * Makes any message pipe safe: Noise XX encryption end to end, and proof of the far end's Ed25519 key.
 *
 * @packageDocumentation
 */
export {}
