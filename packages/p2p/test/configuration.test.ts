import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { createNodeKey } from '@vudo/identity'
import { isVudoError, readConfiguration, type OptionReport, type P2POptions } from '@vudo/p2p'
import { describe, expect, it } from 'vitest'
import { MAX_CONFIG_FILE_BYTES } from '../src/limits.ts'
import { nearestName } from '../src/nearest-name.ts'
import { optionTable, variableOf } from '../src/option-table.ts'
import { createNodeIn, freshFolder } from './nodes.ts'

type Environment = Readonly<Record<string, string | undefined>>

async function folderWith(config: unknown): Promise<string> {
  const dataDir = await freshFolder()
  const text = typeof config === 'string' ? config : JSON.stringify(config)
  await writeFile(path.join(dataDir, 'config.json'), text)
  return dataDir
}

function read(options: P2POptions, environment: Environment = {}) {
  return readConfiguration(options, environment)
}

function entry(report: readonly OptionReport[], name: string): OptionReport | undefined {
  return report.find((one) => one.name === name)
}

describe('options', () => {
  it('come from the program, then the environment, then the file, then the defaults', async () => {
    const file = {
      port: 3,
      maxConnections: 3,
      dialTimeoutMs: 3,
      discovery: { serviceName: 'file' },
    }
    const dataDir = await folderWith(file)
    const environment = { VUDO_P2P_PORT: '2', VUDO_MAX_CONNECTIONS: '2', VUDO_DATA_DIR: '/nowhere' }
    const { settings, report } = await read({ dataDir, port: 1 }, environment)
    expect(settings).toMatchObject({
      dataDir,
      transport: { port: 1, maxConnections: 2, dialTimeoutMs: 3, connectionTimeoutMs: 30_000 },
      discovery: { serviceName: 'file', enableMdns: true },
    })
    const place = path.join(dataDir, 'config.json')
    expect(entry(report, 'port')).toMatchObject({ value: 1, origin: 'code' })
    expect(entry(report, 'maxConnections')).toMatchObject({
      value: 2,
      origin: 'environment',
      from: 'VUDO_MAX_CONNECTIONS',
    })
    expect(entry(report, 'discovery.serviceName')).toMatchObject({
      value: 'file',
      origin: 'file',
      from: place,
    })
    expect(entry(report, 'connectionTimeoutMs')).toMatchObject({ value: 30_000, origin: 'default' })
  })

  it('have the defaults of the table, and each its variable', async () => {
    const { report } = await read({ storage: 'memory' })
    const byName = Object.fromEntries(report.map(({ name, value }) => [name, value]))
    expect(byName).toMatchObject({
      mode: 'auto',
      connectionTimeoutMs: 30_000,
      dialTimeoutMs: 10_000,
      encryption: true,
      port: 34_569,
      bindAddress: '0.0.0.0',
      enableQuic: true,
      enableNatTraversal: true,
      enableDht: true,
      maxConnections: 100,
      heartbeatIntervalMs: 15_000,
      healthCheckIntervalMs: 60_000,
      maxRetryAttempts: 3,
      'discovery.enableMdns': true,
      'discovery.enableDht': true,
      'discovery.discoveryIntervalMs': 30_000,
      'discovery.serviceName': 'vudo',
      'discovery.serviceType': '_vudo._tcp',
      'sync.enableAutoSync': true,
      'sync.syncIntervalMs': 10_000,
      'sync.maxBatchSize': 1_000,
      'sync.enableConflictResolution': true,
      'sync.syncTimeoutMs': 30_000,
      url: '',
      maxConcurrentTransfers: 3,
      transferTimeoutMs: 300_000,
      bandwidthLimitMbps: 'none',
      'bandwidth.metered.bytesPerSec': 1_000_000,
      cacheLimitBytes: 10_000_000_000,
      'metrics.port': 'none',
      relayUrl: null,
    })
    expect(variableOf('port')).toBe('VUDO_P2P_PORT')
    expect(variableOf('relayUrl')).toBe('VUDO_P2P_RELAY')
    expect(variableOf('cacheDir')).toBe('VUDO_P2P_CACHE_DIR')
    expect(variableOf('bandwidth.metered.bytesPerSec')).toBe('VUDO_BANDWIDTH_METERED_BYTES_PER_SEC')
    const variables = Object.keys(optionTable).flatMap((name) => variableOf(name) ?? [])
    expect(new Set(variables).size).toBe(variables.length)
  })

  it('are read from variables by their kind', async () => {
    const { settings } = await read(
      { storage: 'memory' },
      {
        VUDO_TRANSPORTS: 'tcp, disabled',
        VUDO_BOOTSTRAP_NODES: '10.0.0.1:7,tcp://10.0.0.2:8',
        VUDO_DISCOVERY_ENABLE_MDNS: 'no',
        VUDO_BANDWIDTH_LIMIT_MBPS: '0.5',
        VUDO_P2P_RELAY: 'wss://relay.example.com',
        VUDO_PEERS_BLOCK: createNodeKey().peerId,
        VUDO_DATA_DIR: '/data',
        VUDO_LOG: 'debug',
        VUDO_P2P_BIND: '127.0.0.1:0',
        VUDO_RELAY_TOKEN: 'x',
        VUDO_RELAY_NATS: 'nats://127.0.0.1',
        VUDO_RELAY_REDIS: 'redis://127.0.0.1',
        VUDO_DEMO_ANYTHING: 'x',
        VUDO_TEST_PORT: 'x',
        VUDO_DATABASE: '',
        VUDO_MODE: '',
        HOME: '/root',
      },
    )
    expect(settings).toMatchObject({
      dataDir: undefined,
      transports: ['tcp', 'disabled'],
      discovery: { enableMdns: false },
      bandwidth: { bytesPerSecond: 62_500 },
      transport: {
        relayUrl: 'wss://relay.example.com',
        bootstrapNodes: ['tcp://10.0.0.1:7', 'tcp://10.0.0.2:8'],
      },
    })
  })

  it.each<[Environment, string, string]>([
    [{ VUDO_P2P_PORT: 'x' }, 'VUDO_P2P_PORT is "x", expected a number', 'unset'],
    [{ VUDO_P2P_PORT: '70000' }, 'VUDO_P2P_PORT: port is 70000, expected a whole number', '0'],
    [{ VUDO_ENCRYPTION: 'maybe' }, 'VUDO_ENCRYPTION is "maybe", expected true or false', 'unset'],
    [{ VUDO_P2P_PROT: '1' }, 'the variable VUDO_P2P_PROT names no option', 'VUDO_P2P_PORT'],
    // What the general rule, or the other prefix, makes of an option.
    [{ VUDO_RELAY_URL: 'wss://x' }, 'VUDO_RELAY_URL names no option', 'mean VUDO_P2P_RELAY?'],
    [{ VUDO_RELAY: 'wss://x' }, 'VUDO_RELAY names no option', 'mean VUDO_P2P_RELAY?'],
    [{ VUDO_PORT: '1' }, 'VUDO_PORT names no option', 'mean VUDO_P2P_PORT?'],
    [{ VUDO_CACHE_DIR: '/x' }, 'VUDO_CACHE_DIR names no option', 'mean VUDO_P2P_CACHE_DIR?'],
    [{ VUDO_P2P_MODE: 'tcp' }, 'VUDO_P2P_MODE names no option', 'mean VUDO_MODE?'],
    [{ VUDO_TIMEOUT_MS: '1' }, 'VUDO_TIMEOUT_MS names no', 'mean VUDO_CONNECTION_TIMEOUT_MS?'],
    // The relay has three variables, and a slip in one of them is one.
    [{ VUDO_RELAY_TOKN: 'x' }, 'VUDO_RELAY_TOKN names no option', 'mean VUDO_RELAY_TOKEN?'],
    [
      { VUDO_P2P_RELAY: 'http://x' },
      'VUDO_P2P_RELAY: relayUrl is "http://x", expected a URL',
      'wss',
    ],
  ])('of the environment are refused by name: %o', async (environment, message, hint) => {
    await expect(read({ storage: 'memory' }, environment)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: expect.stringContaining(message) as string,
      hint: expect.stringContaining(hint) as string,
    })
  })

  it.each<[unknown, string, string]>([
    [{ prot: 1 }, 'config.json: "prot" is not an option, expected one of', 'did you mean "port"?'],
    [
      { discovery: { enableMDSN: true } },
      '"discovery.enableMDSN" is not',
      '"discovery.enableMdns"',
    ],
    [{ zzzzzzzz: 1 }, '"zzzzzzzz" is not an option', 'correct the name'],
    [{ 'discovery.enableMdns': true }, '"discovery.enableMdns" is not an option', ''],
    [{ port: '1' }, 'config.json: port is "1", expected a number', 'port'],
    [{ port: -1 }, 'config.json: port is -1, expected a whole number', '0'],
    [{ maxRetryAttempts: 0.5 }, 'maxRetryAttempts is 0.5, expected a whole number', ''],
    [{ bandwidth: { profile: 'free' } }, 'bandwidth.profile is "free", expected "auto"', ''],
    [{ peers: { block: ['x'] } }, 'peers.block is "x", expected peer ids', ''],
    [{ dataDir: '/x' }, 'config.json: dataDir cannot stand there', 'VUDO_DATA_DIR'],
    ['{"port": 1,}', 'config.json is not JSON', 'comma'],
    ['[]', 'config.json is JSON, expected an object', ''],
    ['{"__proto__": {"port": 1}}', '"__proto__" is not an option', ''],
    ['{"constructor": {"prototype": {"polluted": 1}}}', '"constructor" is not an option', ''],
    [' '.repeat(MAX_CONFIG_FILE_BYTES + 1), 'has more than 65536 bytes', 'right file'],
  ])('of the file are refused by name: %j', async (config, message, hint) => {
    const dataDir = await folderWith(config)
    await expect(read({ dataDir })).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: expect.stringContaining(message) as string,
      hint: expect.stringContaining(hint) as string,
    })
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })

  it('come from a file that is named, which has to be there', async () => {
    const folder = await freshFolder()
    const config = path.join(folder, 'mine.json')
    await expect(read({ config, storage: 'memory' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_UNREADABLE',
    })
    await writeFile(config, '{"dataDir": "/elsewhere", "relay": "wss://r.example.com"}')
    const { settings } = await read({}, { VUDO_CONFIG: config })
    expect(settings.dataDir).toBe('/elsewhere')
    expect(settings.transport.relayUrl).toBe('wss://r.example.com')
    expect((await read({ config, relayUrl: 'wss://other.example.com' })).settings).toMatchObject({
      transport: { relayUrl: 'wss://other.example.com' },
    })
  })

  it('never show a ticket, nor what a relay wants to see', async () => {
    const ticket = `open:notes`
    const { report } = await read(
      { storage: 'memory', database: ticket },
      { VUDO_P2P_RELAY: 'wss://user:secret@relay.example.com/?token=secret' },
    )
    expect(entry(report, 'database')?.value).toBe('open:notes')
    expect(JSON.stringify(report)).not.toContain('secret')
    const node = await createNodeIn(await freshFolder())
    const again = await read({ storage: 'memory', database: node.ticket })
    expect(JSON.stringify(again.report)).not.toContain(node.ticket.slice(8, 24))
  })

  it('say who the node has to be', async () => {
    const dataDir = await freshFolder()
    const node = await createNodeIn(dataDir)
    const { peerId } = node
    await node.stop()
    await expect(createNodeIn(dataDir, { peerId: createNodeKey().peerId })).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    })
    const again = await createNodeIn(dataDir, { nodeId: peerId })
    expect(again.peerId).toBe(peerId)
    expect(again.configuration.find(({ name }) => name === 'peerId')).toMatchObject({
      value: peerId,
      origin: 'code',
    })
  })

  it('are taken from whatever a file holds, or refused with a typed error', async () => {
    const names = Object.keys(optionTable)
    const values = fc.dictionary(fc.constantFrom(...names, '__proto__'), fc.jsonValue())
    const dataDir = await freshFolder()
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          values.map((v) => JSON.stringify(v)),
          fc.string(),
        ),
        async (text) => {
          await writeFile(path.join(dataDir, 'config.json'), text)
          try {
            await read({ dataDir })
          } catch (error) {
            if (!isVudoError(error)) throw error
          }
        },
      ),
      { numRuns: 200 },
    )
  }, 60_000)
})

describe('the nearest name', () => {
  it('is what was probably meant, and nothing when nothing is near', () => {
    const known = ['port', 'relayUrl', 'heartbeatIntervalMs', 'mode']
    expect(nearestName('prot', known)).toBe('port')
    expect(nearestName('ports', known)).toBe('port')
    expect(nearestName('relayURL', known)).toBe('relayUrl')
    expect(nearestName('heartbeatInterval', known)).toBe('heartbeatIntervalMs')
    expect(nearestName('banana', known)).toBeUndefined()
    expect(nearestName('x'.repeat(10_000), known)).toBeUndefined()
  })
})
