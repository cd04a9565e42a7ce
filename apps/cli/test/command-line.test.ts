import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { collect, scratchFolder, start, startNode, vudo } from './run-vudo.ts'

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
    [['node', '--bind', 'localhost:1'], 2],
    [['node', '--p2p-peer', 'nonsense'], 2],
    [['node', '--p2p-peer', 'tcp://nonsense'], 2],
    [['write', 'a/b', '{}', '--file', 'x'], 2],
    [['ls', '--id', '../x'], 2],
    [['node', '--transport', 'carrier-pigeon'], 2],
  ])('%j is a usage mistake', async (args, expected) => {
    const { status, stderr } = await vudo(args)
    expect(status).toBe(expected)
    expect(stderr).toMatch(/^vudo: ERR_[A-Z_]+: .*\n {2}hint: .*\n {2}docs: /)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it('tells its errors as JSON to programs', async () => {
    const { status, stderr } = await vudo(['ls', '--colour', '--json'])
    expect(status).toBe(2)
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'ERR_USAGE', message: "unknown option '--colour'", hint: 'vudo ls --help' },
    })
    const missing = await vudo(['read', 'a/b', '--json', '--data-dir', scratchFolder()])
    expect(JSON.parse(missing.stderr)).toMatchObject({ error: { code: 'ERR_NODE_NOT_RUNNING' } })
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

  it('puts no public database in the place of a ticket that lost its beginning', async () => {
    const dataDir = scratchFolder()
    const first = await startNode(dataDir)
    const { stdout } = await vudo(['ticket', '--data-dir', dataDir])
    await first.stop()
    const args = ['node', '--data-dir', dataDir, '--bind', '127.0.0.1:0', '--database']
    const { status, stderr } = await vudo([...args, stdout.trim().slice(1)])
    expect(status).toBe(1)
    expect(stderr).toMatch(/ERR_CONFIG_INVALID: .*a ticket .*open:<id>/)
    expect(stderr).not.toContain(stdout.slice(10, 30))
    const second = await startNode(dataDir)
    expect(second.ready).toMatchObject({ isPublic: false })
    expect(second.ready['databaseId']).toBe(first.ready['databaseId'])
    await second.stop()
    const other = await startNode(dataDir, ['--database', 'open:notes'])
    expect(other.ready).toMatchObject({ isPublic: true, databaseId: 'notes' })
    const kept = String(other.ready['replacedTicketFile'])
    expect(readFileSync(kept, 'utf8')).toBe(stdout)
  }, 60_000)

  it('tells people where the ticket went, and how to ask for this one', async () => {
    const dataDir = path.join(scratchFolder(), 'a folder')
    await (await startNode(dataDir)).stop()
    const args = ['node', '--data-dir', dataDir, '--bind', '127.0.0.1:0', '--no-mdns']
    const open = start([...args, '--database', 'open:notes'])
    expect(await untilLine(open, /whose ticket is kept in .*ticket-db-/)).toContain('a folder')
    open.kill('SIGINT')
    await once(open, 'exit')
    const ticket = readFileSync(path.join(dataDir, ticketsIn(dataDir)), 'utf8').trim()
    const again = start([...args, '--database', ticket])
    const line = await untilLine(again, /vudo ticket/)
    expect(line).toContain(`vudo ticket --data-dir '${dataDir}'`)
    again.kill('SIGINT')
    await once(again, 'exit')
  }, 60_000)

  it('tells why a peer that was named is not connected', async () => {
    const [first, second] = [scratchFolder(), scratchFolder()]
    const foreign = await startNode(first, ['--no-mdns', '--database', 'open:foreign'])
    const [address = ''] = foreign.ready['addresses'] as string[]
    const args = ['--no-mdns', '--p2p-peer', '127.0.0.1:1', '--p2p-peer', address]
    const { child } = await startNode(second, [...args, '--p2p-peer', 'radio://7'])
    await untilLine(child, /"ERR_NO_SHARED_DATABASE"/)
    const doctor = ['doctor', '--json', '--mdns-interface', '127.0.0.1', '--data-dir', second]
    let found: unknown[] = []
    await expectEventually(async () => {
      const { stdout } = await vudo(doctor)
      const { findings } = JSON.parse(stdout) as { findings: { check: string; message: string }[] }
      found = findings.filter(({ check }) => check === 'p2p-peer')
      return findings.filter(({ message }) => / is not connected: ERR_/.test(message)).length === 3
    })
    expect(found).toMatchObject([
      { state: 'note', message: expect.stringContaining('tcp://127.0.0.1:1 is not') as string },
      { state: 'bad', message: expect.stringContaining('ERR_NO_SHARED_DATABASE') as string },
      { state: 'bad', message: expect.stringContaining('ERR_NO_TRANSPORT') as string },
    ])
  }, 60_000)

  it('refuses a path outside the grammar and a missing document', async () => {
    const dataDir = scratchFolder()
    await startNode(dataDir)
    const invalid = await vudo(['write', '../x', '{}', '--data-dir', dataDir])
    expect(invalid.status).toBe(1)
    expect(invalid.stderr).toContain('ERR_PATH_INVALID')
    const missing = await vudo(['read', 'no/such', '--data-dir', dataDir])
    expect(missing.status).toBe(1)
    expect(missing.stderr).toContain('ERR_DOCUMENT_NOT_FOUND')
    expect((await vudo(['write', 'a/json', '{"n":1}', '--data-dir', dataDir])).status).toBe(0)
    const edited = await vudo(['edit', 'a/json', '--insert', 'x', '--data-dir', dataDir])
    expect(edited.status).toBe(1)
    expect(edited.stderr).toContain('ERR_INPUT_INVALID: "a/json" is not a text document')
    expect(edited.stderr).toContain('vudo write')
    const noFile = await vudo(['write', 'a/b', '--file', 'no/such', '--data-dir', dataDir])
    expect(noFile.stderr).toContain('ERR_FILE_UNREADABLE: no/such cannot be read: ENOENT')
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

/** The first line of a process that matches. */
async function untilLine(child: ChildProcess, pattern: RegExp): Promise<string> {
  const text = collect(child.stdout)
  let found: string | undefined
  await expectEventually(async () => {
    found = text()
      .split('\n')
      .find((line) => pattern.test(line))
    if (found === undefined) await new Promise((resolve) => void setImmediate(resolve))
    return found !== undefined
  })
  return found ?? ''
}

/** The name of the one ticket that was replaced in a folder. */
function ticketsIn(dataDir: string): string {
  return readdirSync(dataDir).find((name) => name.startsWith('ticket-db-')) ?? ''
}
