import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { scratchFolder, startNode, vudo, type Outcome } from './run-vudo.ts'

function doctor(dataDir: string): Promise<Outcome> {
  return vudo(['doctor', '--json', '--bind', '127.0.0.1:0', '--data-dir', dataDir])
}

describe('vudo doctor', () => {
  it('makes nothing, and gives hints only where something is wrong', async () => {
    const dataDir = path.join(scratchFolder(), 'not', 'there')
    const { findings } = JSON.parse((await doctor(dataDir)).stdout) as {
      findings: { check: string; state: string; hint?: string }[]
    }
    expect(findings.find(({ check }) => check === 'folder')).toMatchObject({ state: 'ok' })
    for (const { state, hint } of findings) expect(hint === undefined).toBe(state === 'ok')
    expect(existsSync(path.dirname(dataDir))).toBe(false)
  })

  it('says when no node can start on a folder', async () => {
    const dataDir = scratchFolder()
    await (await startNode(dataDir)).stop()
    for (const file of ['node.key', 'author.key', 'ticket']) {
      writeFileSync(path.join(dataDir, file), 'junk')
    }
    writeFileSync(path.join(dataDir, 'store', 'records', 'CURRENT'), 'junk')
    const { status, stdout, stderr } = await doctor(dataDir)
    expect(status).toBe(1)
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'ERR_DOCTOR_FINDINGS' } })
    const { findings } = JSON.parse(stdout) as { findings: { check: string; state: string }[] }
    const bad = findings.filter(({ state }) => state === 'bad').map(({ check }) => check)
    expect(bad).toEqual(expect.arrayContaining(['node.key', 'author.key', 'ticket', 'store']))
  }, 60_000)
})
