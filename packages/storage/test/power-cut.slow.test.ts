/**
 * Real power cuts: the image file of a live ext4 file system is copied while a
 * writer runs, the copy is mounted as after a restart and must hold everything that
 * was acknowledged before the copy began. The control run, without syncing, must
 * lose records: otherwise the arrangement would prove nothing. Enough is written that
 * LevelDB begins new logs and compacts tables meanwhile.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { expect, it, onTestFinished } from 'vitest'
import type { Durability, StoreEncryption } from '@vudo/storage'
import { storeKey } from './bytes.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { countLost, startWriter } from './acknowledged.ts'

/** 600 records of two such values are 18 MB: several logs are begun and tables compacted. */
const valueBytes = 15_000

const run = (command: string, ...parameters: string[]): void => {
  execFileSync(command, parameters, { stdio: 'pipe' })
}

function mountImage(image: string, at: string): void {
  mkdirSync(at, { recursive: true })
  run('mount', '-o', 'loop', image, at)
}

/** Whether this machine lets us mount images: root, ext4 tools and loop devices. */
async function canMount(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  const directory = await temporaryDirectory()
  const image = path.join(directory, 'probe.img')
  const at = path.join(directory, 'probe')
  try {
    run('truncate', '-s', '8M', image)
    run('mkfs.ext4', '-q', image)
    mountImage(image, at)
    run('umount', at)
    return true
  } catch {
    return false
  }
}

/** The highest number of LevelDB's files: each new log and each table takes one. */
function newestFile(records: string): number {
  return Math.max(...readdirSync(records).map((name) => Number.parseInt(name, 10) || 0))
}

async function cutPower(
  durability: Durability,
  encryption?: StoreEncryption,
): Promise<{ acknowledged: number; lost: number }> {
  const directory = await temporaryDirectory()
  const [image, copy] = [path.join(directory, 'a.img'), path.join(directory, 'b.img')]
  const [live, restarted] = [path.join(directory, 'live'), path.join(directory, 'restarted')]
  run('truncate', '-s', '256M', image)
  run('mkfs.ext4', '-q', image)
  mountImage(image, live)
  const writer = startWriter({
    directory: path.join(live, 'store'),
    durability,
    valueBytes,
    encryption,
  })
  let acknowledged: number[] = []
  try {
    await writer.reached(600)
    acknowledged = writer.acknowledged()
    expect(newestFile(path.join(live, 'store', 'records'))).toBeGreaterThan(10)
    run('cp', '--sparse=always', image, copy)
  } finally {
    await writer.kill()
    run('umount', live)
  }
  mountImage(copy, restarted)
  onTestFinished(() => run('umount', restarted))
  const lost = await countLost(
    { directory: path.join(restarted, 'store'), encryption },
    acknowledged,
  )
  return { acknowledged: acknowledged.length, lost }
}

it('loses nothing acknowledged when the power goes, and the control run does', async (context) => {
  if (!(await canMount())) context.skip('needs root, mkfs.ext4 and loop devices')
  const control = await cutPower('relaxed')
  expect(control.lost).toBeGreaterThan(0)
  for (let round = 0; round < 4; round += 1) {
    const encryption = round === 3 ? { key: storeKey } : undefined
    const { acknowledged, lost } = await cutPower('strict', encryption)
    expect(acknowledged).toBeGreaterThanOrEqual(600)
    expect(lost).toBe(0)
  }
})
