/**
 * Sessions with peers over any transport: finding, dialling, proving membership, channels that survive a lost connection.
 *
 * @packageDocumentation
 */
export {}
