/**
 * A transport inside one process, with seeded delay and loss: for tests, and the one to copy.
 *
 * @packageDocumentation
 */
export {}
