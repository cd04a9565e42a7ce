/** What is measured is what is published (see compiled.mjs), so it has to be there first. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import process from 'node:process'

/** Compiles packages, by the names of their folders, and all that they stand on. */
export function compile(packages) {
  const root = path.resolve(import.meta.dirname, '../../..')
  const projects = packages.map((name) => `packages/${name}`)
  const tsc = path.join(root, 'node_modules', '.bin', 'tsc')
  const options = { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' }
  const { status } = spawnSync(tsc, ['-b', ...projects], options)
  if (status !== 0) throw new Error('the packages do not compile')
}
