import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createNodeKey, encodeTicket } from '@vudo/identity'
import { createP2P, isVudoError, type P2POptions } from '@vudo/p2p'
import { parseP2POptions } from '../src/options.ts'

/** Asks for something as JavaScript does, without a compiler. */
function parse(options: unknown): ReturnType<typeof parseP2POptions> {
  return parseP2POptions(options as P2POptions)
}

describe('the options', () => {
  it('have complete defaults', () => {
    expect(parse(undefined)).toEqual(parse({}))
    expect(parse({ port: undefined, discovery: { serviceName: undefined } })).toMatchObject({
      app: 'vudo',
      dataDir: undefined,
      storage: 'disk',
      database: undefined,
      transport: { mode: 'auto', port: 34_569, isPortChosen: false, maxConnections: 100 },
      discovery: {
        enableMdns: true,
        discoveryIntervalMs: 30_000,
        serviceName: 'vudo',
        serviceType: '_vudo._tcp',
        interface: undefined,
      },
    })
  })

  it('know older names', () => {
    expect(parse({ timeoutMs: 7_000 }).transport.connectionTimeoutMs).toBe(7_000)
    const { discovery } = parse({ discovery: { peerDiscoveryInterval: 5_000 } })
    expect(discovery.discoveryIntervalMs).toBe(5_000)
    const names = {
      connectionTimeout: 7,
      enableEncryption: false,
      relay: 'wss://r.example.com',
      heartbeatInterval: 200,
      discovery: { discoveryInterval: 2_000, enableDht: false },
    }
    expect(parse(names)).toMatchObject({
      transport: {
        connectionTimeoutMs: 7,
        encryption: false,
        relayUrl: 'wss://r.example.com',
        enableDht: false,
      },
      discovery: { discoveryIntervalMs: 2_000 },
      heartbeatIntervalMs: 200,
    })
  })

  it.each<[unknown, string]>([
    [null, 'options is null, expected an object'],
    [[], 'options is a list of 0, expected an object'],
    ['x', 'options is "x", expected an object'],
    [{ prot: 1 }, '"prot" is not an option, expected one of app, dataDir,'],
    [{ toString: 1 }, '"toString" is not an option'],
    [{ app: 5 }, 'app is 5, expected a string'],
    [{ app: '..' }, 'app is "..", expected 1 to 64 letters'],
    [{ app: 'a/b' }, 'app is "a/b", expected 1 to 64 letters'],
    [{ storage: 'disk', dataDir: '' }, 'dataDir is "", expected the path of a folder'],
    [{ storage: 'disk', dataDir: 'a\0b' }, 'expected the path of a folder'],
    [{ dataDir: ['x'] }, 'dataDir is a list of 1, expected a string'],
    [{ storage: 'cloud' }, 'storage is "cloud", expected "disk" or "memory"'],
    [{ database: '' }, 'database is a text of 0 bytes, expected a ticket (one word'],
    [{ database: 'notes' }, 'or open:<id> for a public database'],
    [{ database: 'open:' }, 'database is an id of 0 bytes'],
    [{ database: `open:${'é'.repeat(128)}` }, 'database is an id of 256 bytes'],
    [{ database: 'open:vudo1abc' }, 'database is an id of 8 bytes'],
    [{ dataDir: 'x' }, 'dataDir is "x", expected none, because storage is "memory"'],
    [{ timeoutMs: 5, connectionTimeoutMs: 6 }, 'timeoutMs is 5, expected the value of connection'],
    [
      { discovery: { discoveryIntervalMs: 5_000, peerDiscoveryInterval: 6_000 } },
      'discovery.peerDiscoveryInterval is 6000, expected the value of discovery.discoveryIntervalMs',
    ],
    [{ bindAddress: 'localhost' }, 'bindAddress is "localhost", expected an IP address'],
    [{ bindAddress: '1.2.3' }, 'bindAddress is "1.2.3", expected an IP address'],
    [{ database: 7n }, 'database is 7, expected a string'],
    [{ mode: 'TCP' }, 'mode is "TCP", expected a transport name in lower case'],
    [{ mode: Object.create(null) as unknown }, 'mode is an object, expected a string'],
    [{ transports: [] }, 'transports is a list of 0, expected at least one'],
    [{ transports: 'tcp' }, 'transports is "tcp", expected a list of strings or functions'],
    [{ transports: [{}] }, 'transports is a list of 1, expected a list of strings or functions'],
    [{ transports: Array(2) }, 'transports is a list of 2, expected a list of strings'],
    [{ relayUrl: 'http://x' }, 'relayUrl is "http://x", expected a URL that begins with wss://'],
    [{ mode: 'relay' }, 'relayUrl is undefined, expected a URL, because mode is "relay"'],
    [{ port: '1' }, 'port is "1", expected a number'],
    [{ port: 65_536 }, 'port is 65536, expected a whole number from 0 to 65535'],
    [{ bindAddress: 'a b' }, 'bindAddress is "a b", expected an IP address'],
    [{ dialTimeoutMs: 0 }, 'dialTimeoutMs is 0, expected a whole number from 1'],
    [{ connectionTimeoutMs: -1 }, 'connectionTimeoutMs is -1, expected a whole number from 1'],
    [{ timeoutMs: 0.5 }, 'connectionTimeoutMs is 0.5, expected a whole number'],
    [{ maxConnections: 0 }, 'maxConnections is 0, expected a whole number from 1'],
    [{ maxNewConnectionsPerSecond: NaN }, 'maxNewConnectionsPerSecond is NaN, expected'],
    [{ bootstrapNodes: ['a:1', 'x'] }, 'bootstrapNodes[1] is "x", expected host:port or scheme'],
    [{ bootstrapNodes: ['tcp://nonsense'] }, 'bootstrapNodes[0] is "tcp://nonsense", expected'],
    [{ bootstrapNodes: [Symbol('x')] }, 'bootstrapNodes is a list of 1, expected a list of'],
    [{ encryption: 'no' }, 'encryption is "no", expected a boolean'],
    [{ heartbeatIntervalMs: 99 }, 'heartbeatIntervalMs is 99, expected whole milliseconds from'],
    [{ policy: true }, 'policy is true, expected a function'],
    [{ discovery: null }, 'discovery is null, expected an object'],
    [{ discovery: { enableMDNS: true } }, '"discovery.enableMDNS" is not an option'],
    [{ discovery: { enableMdns: 1 } }, 'discovery.enableMdns is 1, expected a boolean'],
    [{ discovery: { interface: 'eth0' } }, 'discovery.interface is "eth0", expected an IPv4'],
    [{ discovery: { serviceName: 'a.b' } }, 'discovery.serviceName is "a.b", expected 1 to 40'],
    [{ discovery: { serviceType: 'x' } }, 'discovery.serviceType is "x", expected a DNS service'],
    [{ discovery: { discoveryIntervalMs: 9 } }, 'discovery.discoveryIntervalMs is 9, expected'],
    [{ discoveries: [{}] }, 'discoveries is a list of 1, expected objects with the methods'],
    [{ transports: [() => 5] }, 'transports is 5, expected factories that give a transport'],
    [{ discoveries: [1] }, 'discoveries is a list of 1, expected a list of objects'],
  ])('refuse %o: %s', async (options, message) => {
    const isObject = typeof options === 'object' && options !== null && !Array.isArray(options)
    const harmless = isObject ? { storage: 'memory', ...options } : options
    const refused = createP2P(harmless as P2POptions)
    await expect(refused).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: expect.stringContaining(message) as string,
      hint: expect.any(String) as string,
    })
  })

  it('refuse a ticket that is not whole, and never quote it', async () => {
    const secret = new Uint8Array(32).fill(7)
    const ticket = encodeTicket({ databaseId: 'notes', secret, peers: [] })
    const cut = ticket.slice(0, -3)
    const newer = ticket.replace('vudo1', 'vudo2')
    const long = { databaseId: 'x'.repeat(200), secret, peers: [] }
    const headless = encodeTicket(long).slice(1)
    for (const [database, code] of [
      [cut, 'ERR_TICKET_INVALID'],
      [newer, 'ERR_TICKET_INVALID'],
      [headless, 'ERR_CONFIG_INVALID'],
    ] as const) {
      const error: unknown = await createP2P({ database, storage: 'memory' }).catch(
        (thrown: unknown) => thrown,
      )
      expect(error).toMatchObject({ code })
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain(database.slice(10, 30))
    }
  })

  it('name an open database by a word of its own', () => {
    expect(parse({ database: ' open: notes ' }).database).toEqual({
      databaseId: 'notes',
      secret: undefined,
      peers: [],
    })
  })

  it('take the same value twice, under both names', () => {
    const both = { timeoutMs: 7_000, connectionTimeoutMs: 7_000 }
    expect(parse(both).transport.connectionTimeoutMs).toBe(7_000)
  })

  it('take addresses with and without a scheme', () => {
    const bootstrapNodes = ['10.0.0.1:7', 'tcp://[::1]:8', 'host.example:9', 'radio://7/x']
    expect(parse({ bootstrapNodes }).transport.bootstrapNodes).toEqual([
      'tcp://10.0.0.1:7',
      'tcp://[::1]:8',
      'tcp://host.example:9',
      'radio://7/x',
    ])
  })

  it('do not advise to install what nobody offers', async () => {
    for (const options of [{ mode: 'webrtc' }, { transports: ['tcp', 'webrtc'] }]) {
      await expect(createP2P({ ...options, storage: 'memory' })).rejects.toMatchObject({
        code: 'ERR_TRANSPORT_MISSING',
        hint: expect.not.stringContaining('npm i') as string,
      })
    }
  })

  it('refuse a transport that is not there, with the line that installs it', async () => {
    await expect(createP2P({ mode: 'my-radio', storage: 'memory' })).rejects.toMatchObject({
      code: 'ERR_TRANSPORT_MISSING',
      hint: expect.stringContaining('npm i @vudo/transport-my-radio') as string,
    })
  })

  it('take a ticket that names addresses no transport here knows', async () => {
    const database = encodeTicket({
      databaseId: 'notes',
      secret: undefined,
      peers: [
        { address: 'radio:channel-7' },
        { address: 'radio://7', peerId: createNodeKey().peerId },
      ],
    })
    const node = await createP2P({ database, storage: 'memory' })
    expect(node.database.id).toBe('notes')
    expect(node.isPublic).toBe(true)
    await node.stop()
  })
})

describe('whatever the options are', () => {
  const names = Object.keys({
    app: 0, dataDir: 0, storage: 0, database: 0, mode: 0, transports: 0, relayUrl: 0, port: 0,
    bindAddress: 0, dialTimeoutMs: 0, connectionTimeoutMs: 0, timeoutMs: 0, maxConnections: 0,
    maxNewConnectionsPerSecond: 0, bootstrapNodes: 0, encryption: 0, discovery: 0,
    discoveries: 0, policy: 0, heartbeatIntervalMs: 0,
  }) // prettier-ignore
  const junk = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
  })
  const discovery = fc.dictionary(
    fc.constantFrom('enableMdns', 'discoveryIntervalMs', 'serviceName', 'serviceType', 'interface'),
    junk,
  )
  const options = fc.oneof(
    junk,
    fc.dictionary(fc.constantFrom(...names), fc.oneof(junk, fc.string(), discovery)),
    fc.dictionary(fc.constantFrom(...names), fc.array(fc.oneof(fc.object(), fc.func(junk)))),
    fc.dictionary(fc.string(), junk),
  )

  it('they are taken, or refused with a typed error', () => {
    fc.assert(
      fc.property(options, (some) => {
        try {
          parse(some)
          return true
        } catch (error) {
          return isVudoError(error) && error.message.includes('expected')
            ? error.code === 'ERR_CONFIG_INVALID'
            : isVudoError(error)
        }
      }),
      { numRuns: 300 },
    )
  }, 60_000)

  it('a node is made, or the error is typed', async () => {
    await fc.assert(
      fc.asyncProperty(options, async (some) => {
        // On disk it would write wherever `dataDir` says.
        const isRecord = typeof some === 'object' && some !== null && !Array.isArray(some)
        const harmless = isRecord ? { ...some, storage: 'memory' } : some
        if (harmless === undefined) return
        try {
          const node = await createP2P(harmless as P2POptions)
          await node.stop()
        } catch (error) {
          if (!isVudoError(error)) throw error
        }
      }),
      { numRuns: 100 },
    )
  }, 60_000)
})
