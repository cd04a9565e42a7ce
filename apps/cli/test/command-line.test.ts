import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { scratchFolder, start, startNode, vudo } from './run-vudo.ts'

describe('vudo', () => {
  it('shows its commands', async () => {
    const { status, stdout } = await vudo(['--help'])
    expect(status).toBe(0)
    for (const command of [
      'node',
      'ticket',
      'ls',
      'read',
      'write',
      'watch',
      'import',
      'export',
      'doctor',
      'demo',
      'keygen',
    ]) {
      expect(stdout).toContain(`  ${command} `)
    }
  })

  it.each([
    [['frobnicate'], 2],
    [['ls', '--colour'], 2],
    [['read'], 2],
    [['node', '--bind', 'nonsense'], 2],
    [['ls', '--id', '../x'], 2],
  ])('%j is a usage mistake', async (args, expected) => {
    const { status, stderr } = await vudo(args)
    expect(status).toBe(expected)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it('says when no node is running, with a status of its own', async () => {
    const { status, stderr } = await vudo(['ls', '--data-dir', scratchFolder()])
    expect(status).toBe(3)
    expect(stderr).toContain('ERR_NODE_NOT_RUNNING')
    expect(stderr).toContain('hint: start one')
  })
})

describe('vudo node', () => {
  it('serves the document commands and stops at Ctrl-C', async () => {
    const dataDir = scratchFolder()
    const { ready, stop } = await startNode(dataDir)
    const at = ['--data-dir', dataDir]
    expect(ready['peerId']).toMatch(/^[0-9a-f]{64}$/)

    expect((await vudo(['write', 'notes/one', '{"n":1}', ...at])).status).toBe(0)
    expect((await vudo(['write', 'notes/two', '--text', ...at], { input: 'zwei\n' })).status).toBe(
      0,
    )
    expect((await vudo(['ls', ...at])).stdout).toBe('notes/one\nnotes/two\n')
    expect((await vudo(['read', 'notes/one', ...at])).stdout).toBe('{"n":1}\n')
    expect((await vudo(['read', 'notes/two', ...at])).stdout).toBe('zwei\n')
    expect(
      (await vudo(['edit', 'notes/two', '--after', 'zwei', '--insert', ' und drei', ...at])).status,
    ).toBe(0)
    expect((await vudo(['read', 'notes/two', ...at])).stdout).toBe('zwei und drei\n')

    const json = JSON.parse((await vudo(['ls', '--json', ...at])).stdout) as { path: string }[]
    expect(json.map((entry) => entry.path)).toEqual(['notes/one', 'notes/two'])
    const { ticket } = JSON.parse((await vudo(['ticket', '--json', ...at])).stdout) as {
      ticket: string
    }
    expect(ticket).toMatch(/^vudo1/)
    expect((await vudo(['ticket', ...at])).stdout).toBe(`${ticket}\n`)
    expect(await stop()).toBe(0)
    expect(existsSync(path.join(dataDir, 'control.sock'))).toBe(false)
  }, 60_000)

  it('keeps its documents, and its key, from one start to the next', async () => {
    const dataDir = scratchFolder()
    const first = await startNode(dataDir)
    await vudo(['write', 'a/b', '{"kept":true}', '--data-dir', dataDir])
    await first.stop()
    const second = await startNode(dataDir)
    expect(second.ready['peerId']).toBe(first.ready['peerId'])
    expect((await vudo(['read', 'a/b', '--data-dir', dataDir])).stdout).toBe('{"kept":true}\n')
  }, 60_000)

  it('names the owner of a folder that is taken', async () => {
    const dataDir = scratchFolder()
    const { child } = await startNode(dataDir)
    const { status, stderr } = await vudo(['node', '--data-dir', dataDir, '--bind', '127.0.0.1:0'])
    expect(status).toBe(1)
    expect(stderr).toContain('ERR_STORE_LOCKED')
    expect(stderr).toContain(String(child.pid))
  }, 60_000)

  it('ends when it is asked to, and is gone when that returns', async () => {
    const dataDir = scratchFolder()
    const { child } = await startNode(dataDir)
    const { status, stdout } = await vudo(['stop', '--data-dir', dataDir])
    expect(status).toBe(0)
    expect(stdout).toContain(String(child.pid))
    expect((await vudo(['stop', '--data-dir', dataDir])).status).toBe(3)
  }, 60_000)

  it('says that a port is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const args = ['node', '--data-dir', scratchFolder(), '--no-mdns', '--bind', `127.0.0.1:${port}`]
    const { status, stderr } = await vudo(args)
    server.close()
    expect(status).toBe(1)
    expect(stderr).toContain('ERR_ADDRESS_IN_USE')
    expect(stderr).not.toMatch(/\n\s+at /)
  }, 60_000)

  it('refuses a ticket that is damaged and a key file that others can read', async () => {
    const bad = await vudo(['node', '--data-dir', scratchFolder(), '--database', 'vudo1nonsense'])
    expect(bad.status).toBe(1)
    expect(bad.stderr).toContain('ERR_TICKET_INVALID')

    const dataDir = scratchFolder()
    const { stop } = await startNode(dataDir)
    await stop()
    chmodSync(path.join(dataDir, 'node.key'), 0o644)
    const exposed = await vudo(['node', '--data-dir', dataDir, '--bind', '127.0.0.1:0'])
    expect(exposed.status).toBe(1)
    expect(exposed.stderr).toContain('ERR_KEY_FILE_EXPOSED')
    expect(exposed.stderr).toContain('chmod 600')
    expect(exposed.stderr).not.toContain(
      readFileSync(path.join(dataDir, 'node.key'), 'utf8').trim(),
    )
  }, 60_000)

  it('refuses a path outside the grammar and a missing document', async () => {
    const dataDir = scratchFolder()
    await startNode(dataDir)
    const invalid = await vudo(['write', '../x', '{}', '--data-dir', dataDir])
    expect(invalid.status).toBe(1)
    expect(invalid.stderr).toContain('ERR_PATH_INVALID')
    const missing = await vudo(['read', 'no/such', '--data-dir', dataDir])
    expect(missing.status).toBe(1)
    expect(missing.stderr).toContain('ERR_DOCUMENT_MISSING')
    const notJson = await vudo(['write', 'a/b', 'nonsense', '--data-dir', dataDir])
    expect(notJson.status).toBe(1)
    expect(notJson.stderr).toContain('ERR_INPUT_INVALID')
  }, 60_000)

  it('connects two nodes by address, and both have the document', async () => {
    const [first, second] = [scratchFolder(), scratchFolder()]
    const a = await startNode(first, ['--no-mdns'])
    const ticket = (await vudo(['ticket', '--data-dir', first])).stdout.trim()
    await vudo(['write', 'shared/note', '--text', 'over the wire', '--data-dir', first])
    const [address = ''] = a.ready['addresses'] as string[]
    await startNode(second, [
      '--no-mdns',
      '--database',
      ticket,
      '--p2p-peer',
      address.slice('tcp://'.length),
    ])
    const watching = start(['watch', '--json', '--data-dir', second])
    try {
      await expectEventually(async () => {
        const { stdout } = await vudo(['read', 'shared/note', '--data-dir', second])
        return stdout === 'over the wire'
      })
    } finally {
      watching.kill('SIGINT')
    }
    const { stdout, status } = await vudo([
      'doctor',
      '--json',
      '--data-dir',
      second,
      '--mdns-interface',
      '127.0.0.1',
    ])
    expect([0, 1]).toContain(status)
    const { findings } = JSON.parse(stdout) as { findings: { check: string; state: string }[] }
    expect(findings.find(({ check }) => check === 'peers')).toMatchObject({ state: 'ok' })
  }, 60_000)
})

describe('vudo import and export', () => {
  it('brings a folder in and out again, and overwrites nothing', async () => {
    const dataDir = scratchFolder()
    const [from, to] = [scratchFolder(), scratchFolder()]
    mkdirSync(path.join(from, 'deep'))
    writeFileSync(path.join(from, 'a.md'), '# A\n')
    writeFileSync(path.join(from, 'deep', 'b.md'), 'ü\r\n')
    writeFileSync(path.join(from, 'image.md'), Buffer.from([0xff, 0xfe, 0]))
    await startNode(dataDir)
    const imported = await vudo([
      'import',
      from,
      '--ending',
      '.md',
      '--json',
      '--data-dir',
      dataDir,
    ])
    expect(JSON.parse(imported.stdout)).toEqual({
      imported: ['a.md', 'deep/b.md'],
      skipped: [{ file: 'image.md', reason: 'not UTF-8 text' }],
    })
    expect((await vudo(['export', 'files', to, '--data-dir', dataDir])).status).toBe(0)
    expect(readFileSync(path.join(to, 'deep', 'b.md'), 'utf8')).toBe('ü\r\n')
    const again = await vudo(['export', 'files', to, '--data-dir', dataDir])
    expect(again.status).toBe(1)
    expect(again.stderr).toContain('ERR_FILE_EXISTS')
    expect((await vudo(['export', 'files', to, '--force', '--data-dir', dataDir])).status).toBe(0)
  }, 60_000)

  it('never leaves its folder, whatever a document is called', async () => {
    const dataDir = scratchFolder()
    const [outside, to] = [scratchFolder(), scratchFolder()]
    await startNode(dataDir)
    await vudo(['write', 'trap/link/file', '--text', 'x', '--data-dir', dataDir])
    symlinkSync(outside, path.join(to, 'link'))
    const { status, stderr } = await vudo(['export', 'trap', to, '--data-dir', dataDir])
    expect(status).toBe(1)
    expect(stderr).toContain('ERR_INPUT_INVALID')
    expect(existsSync(path.join(outside, 'file'))).toBe(false)
  }, 60_000)
})

describe('vudo keygen', () => {
  it('makes a key file for its user alone, and overwrites none', async () => {
    const file = path.join(scratchFolder(), 'my.key')
    const { status, stdout } = await vudo(['keygen', file, '--json'])
    expect(status).toBe(0)
    expect((JSON.parse(stdout) as { peerId: string }).peerId).toMatch(/^[0-9a-f]{64}$/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const again = await vudo(['keygen', file])
    expect(again.status).toBe(1)
    expect(again.stderr).toContain('ERR_KEY_FILE_EXISTS')
  })
})

async function expectEventually(condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 20_000
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error('not within 20 s')
  }
}
