import { execFile } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { levelOf, parseLogLevels } from '../src/log.ts'

const program = fileURLToPath(new URL('two-nodes-program.ts', import.meta.url))

/** What the program says about itself, and what it wrote to its standard error. */
async function run(levels: string | undefined): Promise<{
  readonly report: {
    readonly before: string[]
    readonly during: string[]
    readonly after: string[]
    readonly secrets: string[]
  }
  readonly log: string
}> {
  const { VUDO_LOG: _, ...env } = process.env
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], {
    env: levels === undefined ? env : { ...env, VUDO_LOG: levels },
    timeout: 20_000,
  })
  return { report: JSON.parse(stdout), log: stderr }
}

function linesOf(log: string): Record<string, unknown>[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('VUDO_LOG', () => {
  it('is a level, or levels by module, or both', () => {
    expect([...parseLogLevels(undefined)]).toEqual([])
    expect([...parseLogLevels('debug')]).toEqual([['', 'debug']])
    expect([...parseLogLevels(' warn , p2p:network=DEBUG,iroh=trace')]).toEqual([
      ['', 'warn'],
      ['p2p:network', 'debug'],
      ['iroh', 'trace'],
    ])
    expect([...parseLogLevels('loud,=,a=b,c=info=x,,p2p=')]).toEqual([['c', 'info']])
  })

  it('counts for the modules inside a module too, the nearest first', () => {
    const levels = parseLogLevels('error,p2p=info,p2p:sync=trace')
    expect(levelOf('p2p:sync', levels)).toBe('trace')
    expect(levelOf('p2p:network', levels)).toBe('info')
    expect(levelOf('p2p', levels)).toBe('info')
    expect(levelOf('other', levels)).toBe('error')
    expect(levelOf('p2p', parseLogLevels(''))).toBe('silent')
  })
})

describe('a program with two nodes', () => {
  it('is silent, has no socket before start nor after stop, and ends by itself', async () => {
    const { report, log } = await run(undefined)
    expect(log).toBe('')
    const held = /TCP|UDP|Timeout|Immediate|TLS|FS/
    expect(report.before.filter((name) => held.test(name))).toEqual([])
    expect(report.during.filter((name) => held.test(name))).toEqual(
      expect.arrayContaining(['TCPServerWrap', 'UDPWrap']),
    )
    expect(report.after.filter((name) => held.test(name))).toEqual([])
  }, 30_000)

  it('logs its events when it is asked to, and never a secret', async () => {
    const { report, log } = await run('debug')
    const lines = linesOf(log)
    const said = (name: string, msg: string): boolean =>
      lines.some((line) => line['name'] === name && line['msg'] === msg)
    expect(said('p2p:network', 'peer:connected')).toBe(true)
    expect(said('p2p:sync', 'document:changed')).toBe(true)
    expect(lines.some(({ name, msg }) => name === 'p2p' && String(msg).includes('reaches'))).toBe(
      true,
    )
    expect(report.secrets.length).toBeGreaterThan(2)
    for (const secret of report.secrets) expect(log).not.toContain(secret)
  }, 30_000)

  it('logs one line per start at level info, and only what is asked for', async () => {
    const { log } = await run('info,p2p:sync=silent')
    expect(linesOf(log).map(({ name }) => name)).toEqual(['p2p', 'p2p'])
  }, 30_000)
})

describe('what peers say', () => {
  it('LG1: never becomes a line of its own', async () => {
    const source = `
      import { createEventHub } from '@vudo/events'
      import { logEvents } from ${JSON.stringify(new URL('../src/log.ts', import.meta.url).href)}
      const hub = createEventHub()
      logEvents(hub, 'p2p:network')
      hub.publish('warning', { name: 'x\\n{"level":60,"msg":"forged"}\\r\\u001b[2J', list: ['a\\nb'] })
      hub.close()
    `
    const { stderr } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', source],
      {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
        env: { ...process.env, VUDO_LOG: 'warn' },
      },
    )
    const lines = linesOf(stderr)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ level: 40, msg: 'warning' })
    expect(stderr).not.toContain('\u001b')
  })
})
