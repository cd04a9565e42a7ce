/**
 * Finds peers of a topic on the local network by multicast DNS, for every transport.
 *
 * @packageDocumentation
 */
export {}
