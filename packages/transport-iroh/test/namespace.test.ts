import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { canIsolate, isIsolated, isolate } from './namespace.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const files = ['compliance', 'iroh-link', 'iroh-medium', 'plain-peer', 'relayed-path']

/** Elsewhere the stack would ask the router for a port, and tests keep to loopback. */
const canRun = !isIsolated && canIsolate()
if (!isIsolated && !canRun) {
  console.log('transport-iroh: the real stack is not tested: this machine makes no namespaces')
}

it.runIf(canRun)(
  'passes the suite and every test over the real stack, in a network of its own',
  async () => {
    const [command = '', ...options] = isolate
    // They wait more than they work, so all of them at one time.
    const where = ['--root', root, '--maxWorkers', String(files.length)]
    const names = files.map((name) => `packages/transport-iroh/test/${name}.test.ts`)
    const node = [process.execPath, vitest, 'run', '--project', 'node', ...where, ...names]
    const child = spawn(command, [...options, ...node], {
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const exit = new Promise((resolve) => child.once('close', resolve))
    const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exit])
    console.log(out + err)
    expect(code).toBe(0)
    // Each of them ran: in here, a file that skips itself would pass as well.
    expect(out).toMatch(new RegExp(`Test Files\\s+${files.length} passed`))
    expect(out).not.toMatch(/Tests .*skipped/)
  },
  300_000,
)
