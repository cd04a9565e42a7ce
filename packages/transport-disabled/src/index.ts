/**
 * The transport of an application that stays on its own: everything succeeds and
 * nothing leaves the device. Importing it registers it as `disabled`.
 *
 * @packageDocumentation
 */
import { registerTransport, type TransportFactory } from '@vudo/transport'
import { createDisabledTransport } from './disabled-transport.ts'

export { createDisabledTransport } from './disabled-transport.ts'

/** Makes a factory of transports that have no peers; they look at nothing of the context. */
export function disabled(): TransportFactory {
  return createDisabledTransport
}

registerTransport('disabled', disabled())
