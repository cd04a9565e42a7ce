/**
 * The transport of an application that stays on its own: everything succeeds and nothing leaves the device.
 *
 * @packageDocumentation
 */
export {}
