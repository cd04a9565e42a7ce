import {
  createTransport,
  registeredTransports,
  TransportError,
  usableTransports,
  type Transport,
  type TransportContext,
  type TransportFactory,
} from '@vudo/transport'
import { warnOnce } from './log.ts'
import { hasMethods, invalid } from './option-types.ts'
import type { P2PSettings } from './settings.ts'
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
  const wanted = await wantedTransports(settings)
  for (const one of wanted) if (typeof one === 'string') assertInstalled(one)
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

/** What is asked for, with what `auto` stands for in its place, each once. */
async function wantedTransports(
  settings: P2PSettings,
): Promise<readonly (string | TransportFactory)[]> {
  const asked = settings.transports ?? [settings.transport.mode]
  const isAuto = asked.includes('auto')
  const named = [...asked, ...(isAuto ? stacksOfSettings(settings) : [])]
  for (const one of named) if (typeof one === 'string') await loadStack(one)
  const wanted = new Set<string | TransportFactory>()
  for (const one of asked) {
    for (const each of one === 'auto' ? autoTransports(settings) : [one]) wanted.add(each)
  }
  return [...wanted]
}

/** TCP, what the application has imported, and what its settings name, as far as they can work. */
function autoTransports(settings: P2PSettings): readonly string[] {
  const isKnown = new Set(registeredTransports())
  // One that is named and not installed is asked for all the same: that gives the line that installs it.
  const missing = stacksOfSettings(settings).filter((name) => !isKnown.has(name))
  const isLeftOut: Readonly<Record<string, boolean>> = {
    libp2p: settings.enableLibp2p === false,
    webrtc: settings.enableWebrtc === false,
  }
  return [...usableTransports(settings.transport), ...missing].filter(
    (name) => isLeftOut[name] !== true,
  )
}

/** Stacks that a setting of the node itself is for; what a ticket says is somebody else's wish. */
function stacksOfSettings({ transport, enableLibp2p }: P2PSettings): readonly string[] {
  const { relayUrl, bootstrapNodes, enableDht } = transport
  const schemes = new Set(bootstrapNodes.map((address) => address.split('://', 1)[0]))
  const isNamed: Readonly<Record<string, boolean>> = {
    libp2p: enableLibp2p ?? schemes.has('libp2p'),
    iroh: schemes.has('iroh'),
    hyperswarm: schemes.has('hyperswarm') && enableDht,
    relay: relayUrl !== undefined,
  }
  return Object.keys(stacks).filter((name) => isNamed[name] === true)
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

/**
 * A stack of ours is imported by its name, so installing it is all that is to be done.
 *
 * @throws `TransportError` `ERR_TRANSPORT_MISSING`.
 */
export function assertInstalled(name: string): void {
  if (!Object.hasOwn(stacks, name) || registeredTransports().includes(name)) return
  throw new TransportError('ERR_TRANSPORT_MISSING', `transport "${name}" is not installed`, {
    hint: `npm i @vudo/transport-${name}`,
  })
}

/** True when an import failed because the package itself is not installed. */
export function isMissing(error: unknown, packageName: string): boolean {
  if (!(error instanceof Error && 'code' in error)) return false
  // The name alone would also stand in the message when a dependency of the package is missing.
  const isNotFound = error.message.startsWith(`Cannot find package '${packageName}'`)
  return error.code === 'ERR_MODULE_NOT_FOUND' && isNotFound
}
