import { isTransportError, parseTransportConfig, registeredTransports } from '@vudo/transport'

// The defaults, complete and checked.
console.log(parseTransportConfig({ port: 0, bindAddress: '127.0.0.1' }))

try {
  parseTransportConfig({ mode: 'relay' })
} catch (error) {
  if (isTransportError(error)) console.log(error.code, error.message, error.hint)
}

// What has been imported: `createTransport` takes one of these.
console.log(registeredTransports())
