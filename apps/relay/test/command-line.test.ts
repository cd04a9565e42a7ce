import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { relayFrames } from '../src/wire.ts'
import { connectClient } from './client.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

function start(...args: readonly string[]): ReturnType<typeof spawn> {
  return spawn(process.execPath, [main, '--port', '0', ...args], { stdio: 'pipe' })
}

/** Runs a command line that ends by itself. */
async function run(...args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const child = start(...args)
  const [stderr, [code]] = await Promise.all([
    child.stderr ? text(child.stderr) : '',
    once(child, 'exit') as Promise<[number]>,
  ])
  return { code, stderr }
}

function fileWith(content: string): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'vudo-relay-')), 'file')
  writeFileSync(file, content)
  return file
}

describe('vudo-relay', () => {
  it('logs JSON, and on SIGTERM tells its clients and ends well', async () => {
    const child = start('--drain-ms', '100', '--token', 'secret')
    let log = ''
    const listening = Promise.withResolvers<string>()
    child.stdout?.on('data', (chunk: Buffer) => {
      log += chunk.toString()
      const url = /"url":"([^"]+)"/.exec(log)?.[1]
      if (url !== undefined) listening.resolve(url)
    })
    const client = await connectClient(await listening.promise, { token: 'secret' })
    child.kill('SIGTERM')
    await client.next(relayFrames.moved)
    expect(await client.closed).toBe(1_012)
    expect(await once(child, 'exit')).toEqual([0, null])
    const lines = log.trim().split('\n')
    const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg)
    expect(messages).toEqual(
      expect.arrayContaining(['listening', 'a client came', 'ending', 'draining', 'ended']),
    )
    expect(log).not.toContain(client.key.peerId)
    expect(log).not.toContain('secret')
  })

  it.each([
    [['--port', 'http'], 'ERR_RELAY_CONFIG: --port is "http", expected a whole number'],
    [['--max-topics', '-1'], 'ERR_RELAY_CONFIG: --max-topics is "-1", expected'],
    [['--idle-ms', ''], 'ERR_RELAY_CONFIG: --idle-ms is "", expected'],
    [['--tls-cert', 'chain.pem'], 'ERR_RELAY_CONFIG: one of --tls-cert and --tls-key'],
    [['--allow-keys', '/nowhere'], 'ERR_RELAY_CONFIG: --allow-keys: /nowhere cannot be read'],
    [['--access-url', 'ftp://x'], 'ERR_RELAY_CONFIG: --access-url is ftp://x'],
    [['--nats', 'nats://a', '--redis', 'redis://b'], 'ERR_RELAY_CONFIG: --nats and --redis'],
    [['--nats', 'nats://user:word@127.0.0.1:9'], 'ERR_RELAY_BACK_PLANE: NATS at 127.0.0.1:9'],
  ])('says what is wrong with %j', async (args, expected) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(1)
    expect(stderr).toContain(expected)
    expect(stderr).not.toContain('word')
  })

  it('says which entry of a list is no peer id, and does not know every option', async () => {
    const list = fileWith(`# ours\n${'ab'.repeat(32)} # a comment\n\nnonsense\n`)
    const { stderr } = await run('--allow-keys', list)
    expect(stderr).toContain('entry 2 of --allow-keys is no peer id')
    expect((await run('--max-clients', '3')).code).toBe(2)
  })
})
