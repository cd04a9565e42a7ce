/**
 * Local-first documents that sync peer to peer: createP2P() and everything behind it.
 *
 * @packageDocumentation
 */
export {}
