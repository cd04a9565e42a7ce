/**
 * A seeded simulator for peer-to-peer protocols: virtual clock, network that fails, disks that lose power.
 *
 * @packageDocumentation
 */
export {}
