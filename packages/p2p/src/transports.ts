import {
  createTransport,
  registeredTransports,
  usableTransports,
  type Transport,
  type TransportContext,
  type TransportFactory,
} from '@vudo/transport'
import { warnOnce } from './log.ts'
import { hasMethods, invalid } from './option-types.ts'
import type { P2PSettings } from './options.ts'
// Importing them makes them known to `createTransport`.
import '@vudo/transport-disabled'
import '@vudo/transport-tcp'

/** Transports that bring a foreign stack. Each is a package that an application installs when it wants it. */
const stacks: Readonly<Record<string, () => Promise<unknown>>> = {
  libp2p: () => import('@vudo/transport-libp2p'),
  iroh: () => import('@vudo/transport-iroh'),
  hyperswarm: () => import('@vudo/transport-hyperswarm'),
  relay: () => import('@vudo/transport-relay'),
}

/**
 * Makes the transports that the settings ask for. The first one listens on `port`; two
 * cannot share it, so the others take any free one.
 *
 * @throws `TransportError` `ERR_TRANSPORT_MISSING`, whose hint is the line that installs
 *   the package; `ERR_CONFIG_INVALID`.
 */
export async function openTransports(
  settings: P2PSettings,
  context: Omit<TransportContext, 'settings'>,
): Promise<readonly Transport[]> {
  if (!settings.transport.encryption) {
    warnOnce(
      'encryption: false leaves out the end-to-end layer where the medium proves its peers; connections stay encrypted',
    )
  }
  const wanted = wantedTransports(settings)
  for (const one of wanted) if (typeof one === 'string') await loadStack(one)
  return wanted.map((one, i) => {
    const port = i === 0 ? {} : { port: 0 }
    if (typeof one === 'string') {
      return createTransport({ ...settings.transportConfig, ...port, mode: one }, context)
    }
    const transport = one({ ...context, settings: { ...settings.transport, ...port } })
    if (hasMethods(transport, ['listen', 'connect', 'dial', 'disconnect'])) return transport
    throw invalid('transports', transport, 'factories that give a transport')
  })
}

function wantedTransports({
  transports,
  transport,
  enableLibp2p,
  enableWebrtc,
}: P2PSettings): readonly (string | TransportFactory)[] {
  if (transports) return transports
  if (transport.mode !== 'auto') return [transport.mode]
  const usable = usableTransports(transport).filter(
    (name) => name !== 'webrtc' || enableWebrtc !== false,
  )
  if (enableLibp2p === undefined) return usable
  const others = usable.filter((name) => name !== 'libp2p')
  return enableLibp2p ? [...others, 'libp2p'] : others
}

/** Imports the package of a stack that is named and was not imported by the application. */
async function loadStack(name: string): Promise<void> {
  const load = stacks[name]
  if (!load || registeredTransports().includes(name)) return
  try {
    await load()
  } catch (error) {
    // Not installed: `createTransport` says how to install it. Anything else is a fault of the package.
    if (!isMissing(error, `@vudo/transport-${name}`)) throw error
  }
}

/** True when an import failed because the package itself is not installed. */
export function isMissing(error: unknown, packageName: string): boolean {
  if (!(error instanceof Error && 'code' in error)) return false
  // The name alone would also stand in the message when a dependency of the package is missing.
  const isNotFound = error.message.startsWith(`Cannot find package '${packageName}'`)
  return error.code === 'ERR_MODULE_NOT_FOUND' && isNotFound
}
