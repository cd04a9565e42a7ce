import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { collect, scratchFolder, start, startNode, vudo } from './run-vudo.ts'

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

  it('takes one document, a slash too many, and everything; and says when there is nothing', async () => {
    const dataDir = scratchFolder()
    const at = ['--data-dir', dataDir]
    await startNode(dataDir)
    await vudo(['write', 'notes/a', '--text', 'A', ...at])
    await vudo(['write', 'notes/b', '{"text":"B","done":true}', ...at])
    expect((await vudo(['read', 'notes/b', ...at])).stdout).toContain('"done":true')
    const expected: [string, string[]][] = [
      ['notes/a', ['a']],
      ['notes/', ['a', 'b.json']],
      ['', ['notes/a', 'notes/b.json']],
    ]
    for (const [prefix, exported] of expected) {
      const to = scratchFolder()
      const { stdout } = await vudo(['export', prefix, to, '--json', ...at])
      expect(JSON.parse(stdout)).toEqual({ exported })
      for (const file of exported) expect(existsSync(path.join(to, file))).toBe(true)
    }
    const nothing = await vudo(['export', 'nothing', path.join(dataDir, 'out'), ...at])
    expect(nothing.status).toBe(1)
    expect(nothing.stderr).toContain('ERR_DOCUMENT_NOT_FOUND')
    expect(existsSync(path.join(dataDir, 'out'))).toBe(false)
    const blocked = await vudo(['export', 'notes', path.join(dataDir, 'ticket', 'x'), ...at])
    expect(blocked.stderr).toContain('ERR_FILE_UNWRITABLE')
    expect((await vudo(['import', path.join(dataDir, 'no'), ...at])).stderr).toContain(
      'ERR_FILE_UNREADABLE',
    )
  }, 60_000)

  it('says how far it came when it is interrupted', async () => {
    const [dataDir, from] = [scratchFolder(), scratchFolder()]
    await startNode(dataDir)
    for (let i = 0; i < 2_000; i++) writeFileSync(path.join(from, `${i}.md`), 'x')
    const importing = start(['import', from, '--json', '--data-dir', dataDir])
    const [stdout, stderr] = [collect(importing.stdout), collect(importing.stderr)]
    importing.stderr?.once('data', () => importing.kill('SIGINT'))
    const [status] = (await once(importing, 'close')) as [number]
    expect(stderr()).toMatch(/^1000 documents$/m)
    expect(status).toBe(130)
    const { imported } = JSON.parse(stdout()) as { imported: string[] }
    expect(imported.length).toBeGreaterThanOrEqual(1_000)
    expect(imported.length).toBeLessThan(2_000)
    const listed = JSON.parse((await vudo(['ls', '--json', '--data-dir', dataDir])).stdout) as []
    expect(listed).toHaveLength(imported.length)
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
