import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { OptionReport } from '@vudo/p2p'
import { describe, expect, it } from 'vitest'
import { connectToNode } from '../src/control/client.ts'
import type { CliError } from '../src/errors.ts'
import { scratchFolder, startNode, vudo } from './run-vudo.ts'

type FindOption = (name: string) => OptionReport | undefined

/** What `vudo config` says with these variables. */
async function reported(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<FindOption> {
  const { stdout } = await vudo(['config', '--json', ...args], { env })
  const lines = JSON.parse(stdout) as OptionReport[]
  return (name) => lines.find((line) => line.name === name)
}

/** What a node with this configuration file says of who is there. */
async function presenceWith(config: string): Promise<unknown> {
  const dataDir = scratchFolder()
  writeFileSync(path.join(dataDir, 'config.json'), config)
  const node = await startNode(dataDir)
  await using control = await connectToNode(dataDir)
  const answer = await control.call('presence', {}).catch(({ code }: CliError) => code)
  await node.stop()
  return answer
}

describe('vudo config', () => {
  it('says what each option is, and where that comes from', async () => {
    const dataDir = scratchFolder()
    const file = path.join(dataDir, 'config.json')
    writeFileSync(file, JSON.stringify({ maxConnections: 7, sync: { maxBatchSize: 10 } }))
    const { stdout, status } = await vudo(['config', '--json', '--data-dir', dataDir])
    expect(status).toBe(0)
    const report = JSON.parse(stdout) as OptionReport[]
    expect(report.find(({ name }) => name === 'maxConnections')).toEqual({
      name: 'maxConnections',
      value: 7,
      origin: 'file',
      from: file,
      variable: 'VUDO_MAX_CONNECTIONS',
      isUsed: true,
    })
    const { stdout: text } = await vudo(['config', '--data-dir', dataDir])
    expect(text).toContain(`maxConnections = 7  (file: ${file})`)
    expect(text).toContain('sync.maxBatchSize = 10  (file: ')
    expect(text).toContain('idle in this version')
    expect(text).toMatch(/\d+ options have their defaults/)
    const { stdout: all } = await vudo(['config', '--all', '--data-dir', dataDir])
    expect(all).toContain('relayUrl = none  (default: VUDO_P2P_RELAY)')
    expect(all).toContain('port = 34569  (default: VUDO_P2P_PORT)')
  }, 60_000)

  it('shows what `vudo node` would do: its gossip, its own variable, who chose the folder', async () => {
    const dataDir = scratchFolder()
    const plain = await reported({}, ['--data-dir', dataDir])
    expect(plain('gossip')).toMatchObject({ value: true, origin: 'default' })
    expect(plain('port')).toMatchObject({ value: 34_569, origin: 'default' })
    expect(plain('dataDir')).toMatchObject({ value: dataDir, origin: 'code' })
    const set = await reported({
      VUDO_GOSSIP: 'no',
      VUDO_P2P_BIND: '127.0.0.1:7001',
      VUDO_DATA_DIR: dataDir,
    })
    const bound = { origin: 'environment', from: 'VUDO_P2P_BIND' }
    expect(set('gossip')).toMatchObject({ value: false, origin: 'environment' })
    expect(set('port')).toMatchObject({ value: 7_001, ...bound })
    expect(set('bindAddress')).toMatchObject({ value: '127.0.0.1', ...bound })
    expect(set('dataDir')).toMatchObject({ origin: 'environment', from: 'VUDO_DATA_DIR' })
  }, 60_000)

  it('refuses a name that is none, as the node does, and says which was meant', async () => {
    const dataDir = scratchFolder()
    const config = path.join(dataDir, 'mine.json')
    writeFileSync(config, '{"maxConection": 7}')
    for (const command of ['config', 'node']) {
      const outcome = await vudo([command, '--json', '--config', config, '--data-dir', dataDir])
      expect(outcome.status).toBe(1)
      expect(JSON.parse(outcome.stderr)).toMatchObject({
        error: { code: 'ERR_CONFIG_INVALID', hint: 'did you mean "maxConnections"?' },
      })
    }
  }, 60_000)
})

describe('vudo node', () => {
  it('gossips unless the file says no', async () => {
    expect(await presenceWith('{}')).toMatchObject({ peers: [] })
    expect(await presenceWith('{"gossip": false}')).toBe('ERR_GOSSIP_DISABLED')
  }, 60_000)
})

describe('vudo profile', () => {
  it('says by hand what the connection costs', async () => {
    const dataDir = scratchFolder()
    writeFileSync(path.join(dataDir, 'config.json'), '{"bandwidth": {"profile": "unmetered"}}')
    const node = await startNode(dataDir)
    const profile = (...words: string[]): ReturnType<typeof vudo> =>
      vudo(['profile', ...words, '--data-dir', dataDir])
    expect((await profile()).stdout).toBe('unmetered: not metered, without a limit\n')
    expect((await profile('metered')).stdout).toContain('metered, at most 1000000 bytes per second')
    expect((await profile('cheap')).status).toBe(2)
    await node.stop()
  }, 60_000)
})
