/**
 * Turns a medium that can dial and accept into a complete transport: topics, sharing of connections, admission, limits.
 *
 * @packageDocumentation
 */
export {}
