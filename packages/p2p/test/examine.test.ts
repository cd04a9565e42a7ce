import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { describe, expect, it } from 'vitest'
import { examineDataDirectory } from '@vudo/p2p'
import { createNodeIn, freshFolder } from './nodes.ts'

/** State, or the code of what is wrong, by part. */
async function look(dataDir: string, isInUse = false): Promise<Record<string, unknown>> {
  const findings = await examineDataDirectory(dataDir, { isInUse })
  return Object.fromEntries(
    findings.map(({ part, state, error }) => [
      part,
      error instanceof Error && 'code' in error ? error.code : state,
    ]),
  )
}

async function usedFolder(): Promise<string> {
  const folder = await freshFolder()
  await (await createNodeIn(folder)).stop()
  return folder
}

const well = { 'node.key': 'ok', 'author.key': 'ok', ticket: 'ok', store: 'ok' }

describe('looking at a data directory', () => {
  it('finds a used one well, and leaves it as it was', async () => {
    const folder = await usedFolder()
    const before = await readdir(folder)
    expect(await look(folder)).toEqual(well)
    expect(await readdir(folder)).toEqual(before)
    await (await createNodeIn(folder)).stop()
  })

  it('finds one with an encrypted store well: it does not need the key', async () => {
    const folder = await freshFolder()
    await (await createNodeIn(folder, { encryptionAtRest: true })).stop()
    expect(await look(folder)).toEqual(well)
  })

  it('makes nothing in one that is empty or not there', async () => {
    const folder = await freshFolder()
    const missing = path.join(folder, 'none')
    await mkdir(path.join(folder, 'store'))
    const parts = Object.fromEntries(Object.keys(well).map((part) => [part, 'missing']))
    expect(await look(folder)).toEqual(parts)
    expect(await look(missing)).toEqual(parts)
    expect(await readdir(folder)).toEqual(['store'])
    expect(await readdir(path.join(folder, 'store'))).toEqual([])
  })

  it('tells what no node can start with', async () => {
    for (const [part, code] of [
      ['node.key', 'ERR_KEY_FILE_INVALID'],
      ['author.key', 'ERR_KEY_FILE_INVALID'],
      ['ticket', 'ERR_TICKET_FILE_INVALID'],
    ] as const) {
      const folder = await usedFolder()
      await writeFile(path.join(folder, part), 'junk')
      expect(await look(folder)).toEqual({ ...well, [part]: code })
    }
    const folder = await usedFolder()
    await rm(path.join(folder, 'store', 'records', 'CURRENT'))
    await writeFile(path.join(folder, 'store', 'records', '000001.ldb'), 'junk')
    expect(await look(folder)).toEqual({ ...well, store: 'ERR_STORE_DAMAGED' })
    const other = await usedFolder()
    await rm(path.join(other, 'store'), { recursive: true })
    await writeFile(path.join(other, 'store'), 'a file')
    expect(await look(other)).toEqual({ ...well, store: 'ERR_STORE_UNREADABLE' })
  })

  it.skipIf(process.platform === 'win32')('tells of secrets that others may read', async () => {
    const folder = await usedFolder()
    await chmod(path.join(folder, 'node.key'), 0o644)
    await chmod(path.join(folder, 'ticket'), 0o640)
    expect(await look(folder)).toEqual({
      ...well,
      'node.key': 'ERR_KEY_FILE_EXPOSED',
      ticket: 'ERR_TICKET_FILE_EXPOSED',
    })
  })

  it('leaves the store to the node that runs', async () => {
    const folder = await freshFolder()
    await createNodeIn(folder)
    expect(await look(folder, true)).toEqual({ 'node.key': 'ok', 'author.key': 'ok', ticket: 'ok' })
    expect(await look(folder)).toEqual({ ...well, store: 'ERR_STORE_LOCKED' })
  })
})
