/**
 * Ed25519 node keys, peer ids, domain-separated signatures, sealing to a peer, peer records and tickets.
 *
 * @packageDocumentation
 */
export {}
