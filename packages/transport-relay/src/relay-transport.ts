import { createSwarm, systemRuntime } from '@vudo/swarm'
import { TransportError, type TransportContext, type TransportFactory } from '@vudo/transport'
import { bytesToHex } from '@vudo/wire'
import { MAX_RELAYS } from './limits.ts'
import { parseRelayUrl, type RelayTarget } from './relay-address.ts'
import { createRelayMedium } from './relay-medium.ts'
import type { ConnectSocket } from './socket.ts'

/** What `relay` takes, in Node and in browsers. */
export interface RelayOptions {
  /**
   * URLs of relays, `wss://host`, at most 4. A node is at all of them at one time; two nodes
   * meet when they have one in common.
   *
   * @defaultValue `settings.relayUrl`; without any, `ERR_CONFIG_INVALID`.
   */
  readonly urls?: readonly string[] | undefined
  /**
   * What the relays want to see.
   *
   * @defaultValue the parameter `token` of each URL, which is not sent as a part of it.
   */
  readonly token?: string | undefined
}

/** Makes the factory that `relay` returns, on a way to open WebSockets. */
export function createRelayFactory(
  options: RelayOptions,
  connect: ConnectSocket,
): TransportFactory {
  return (context) => {
    const targets = targetsOf(options, context)
    return createSwarm(
      createRelayMedium({ context, targets, connect, runtime: systemRuntime }),
      context,
    )
  }
}

function targetsOf(
  { urls = [], token }: RelayOptions,
  { settings }: TransportContext,
): RelayTarget[] {
  const own = settings.relayUrl === undefined ? [] : [settings.relayUrl].flat()
  const named = [...new Set(urls.length > 0 ? urls : own)]
  if (named.length > 0 && named.length <= MAX_RELAYS) {
    return distinct(named.map((url) => parseRelayUrl(url, token)))
  }
  throw new TransportError(
    'ERR_CONFIG_INVALID',
    `${named.length} relays are given, expected 1 to ${MAX_RELAYS}`,
    { hint: 'name your relay, for example relayUrl: "wss://relay.example.com"' },
  )
}

/** Two links to one relay would replace each other for ever: they have one end point. */
function distinct(targets: readonly RelayTarget[]): RelayTarget[] {
  const byHost = new Map<string, RelayTarget>()
  for (const target of targets) {
    const known = byHost.get(target.host)
    if (known && !isSame(known, target)) {
      throw new TransportError(
        'ERR_CONFIG_INVALID',
        `the relay ${target.host} is named twice, with different paths or tokens`,
        { hint: 'name each relay once' },
      )
    }
    byHost.set(target.host, known ?? target)
  }
  return [...byHost.values()]
}

function isSame(a: RelayTarget, b: RelayTarget): boolean {
  return a.url.href === b.url.href && bytesToHex(a.token) === bytesToHex(b.token)
}
