/** How each stack is set up in the lab: what it needs on public machines, and our transport for a peer. */

/** A package of the workspace, by its file: tools depend on no package. */
export function load(name) {
  return import(new URL(`../../../packages/${name}`, import.meta.url).href)
}

const iroh = {
  needsRecords: true,
  startPublic: startIroh,
  async createFactory({ relay, announce }) {
    const { iroh: create } = await load('transport-iroh/src/index.ts')
    return create({ relays: relay, announceAddresses: announce })
  },
}

/**
 * For each stack:
 *
 *   startPublic(hosts)   starts what all reach, gives the addresses of `bootstrap` and `relay`
 *   createFactory(told)  our transport, told of `relay` and of what to `announce`
 *   forwarded(host)      how the owner of a router that forwards everything announces it
 *   outside(host)        the same for every router: somebody has found out, and tells the transport
 *   needsRecords         it finds nobody alone: somebody has to bring the other's record
 */
export const stacks = {
  tcp: {
    needsRecords: true,
    startPublic: async () => ({}),
    forwarded: (host) => `tcp://${host}:34569`,
    async createFactory({ announce }) {
      const { tcp } = await load('transport-tcp/src/index.ts')
      return tcp(announce.length > 0 ? { announceAddresses: announce } : {})
    },
  },
  libp2p: {
    needsRecords: false,
    startPublic: startLibp2p,
    forwarded: (host) => `libp2p:///ip4/${host}/tcp/34569`,
    async createFactory({ relay, announce }) {
      const { libp2p } = await load('transport-libp2p/src/index.ts')
      return libp2p({
        relays: relay,
        enableNatTraversal: true,
        ...(announce.length > 0 ? { announceAddresses: announce } : {}),
      })
    },
  },
  iroh,
  'iroh-announced': { ...iroh, outside: (host) => `${host}:34569` },
  hyperswarm: {
    needsRecords: false,
    startPublic: startDht,
    async createFactory() {
      const { hyperswarm } = await load('transport-hyperswarm/src/index.ts')
      return hyperswarm()
    },
  },
}

/** A context for one transport, with a key of its own. */
export async function createContext(config, discoveries = []) {
  const { createNodeKey } = await load('identity/src/index.ts')
  const { createTransportContext } = await load('secure-channel/src/index.ts')
  const { parseTransportConfig } = await load('transport/src/index.ts')
  const key = createNodeKey(crypto.getRandomValues(new Uint8Array(32)))
  const settings = parseTransportConfig(config)
  return { ...createTransportContext(key, { discoveries }), settings }
}

/** Nodes of a DHT, of which the first one relays. All of them tell others whether they can be reached. */
async function startLibp2p(hosts) {
  const { libp2p } = await load('transport-libp2p/src/index.ts')
  const { loadKeys } = await load('transport-libp2p/src/keys.ts')
  const { stackLoaders } = await load('transport-libp2p/src/stack.ts')
  const keys = await loadKeys(stackLoaders)
  const addresses = []
  for (const host of hosts) {
    const bootstrapNodes = [...addresses]
    // oxlint-disable-next-line no-await-in-loop
    const context = await createContext({ bindAddress: host, port: 4001, bootstrapNodes })
    const node = libp2p({
      relayService: addresses.length === 0,
      enableDht: true,
      enableNatTraversal: true,
      announceAddresses: [`libp2p:///ip4/${host}/tcp/4001`],
    })(context)
    // One after the other, because each joins by those before.
    // oxlint-disable-next-line no-await-in-loop
    await node.listen()
    const id = keys.toLibp2pId(context.peerId)
    addresses.push(`libp2p:///ip4/${host}/tcp/4001/p2p/${id.toString()}`)
  }
  return { bootstrap: addresses, relay: addresses.slice(0, 1) }
}

async function startIroh([host]) {
  const { startRelay } = await load('transport-iroh/test/relay-server.ts')
  const { url } = await startRelay()
  return { relay: [url.replace('127.0.0.1', host)] }
}

/** One node on each address; each knows all before it. */
async function startDht(hosts) {
  const { startBootstrap } = await load('transport-hyperswarm/src/bootstrap.ts')
  const bootstrap = []
  for (const host of hosts) {
    // One after the other, because each joins by those before.
    // oxlint-disable-next-line no-await-in-loop
    const { address } = await startBootstrap({ host, port: 49_737, bootstrapNodes: [...bootstrap] })
    bootstrap.push(address)
  }
  return { bootstrap }
}
