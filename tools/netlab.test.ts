/** The network lab runs a pair where this machine lets it, says why not where it does not, and leaves nothing. */
import { execFile } from 'node:child_process'
import path from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { workspaceRoot } from './workspace.mjs'

async function run(...args: string[]): Promise<string[]> {
  const file = path.join(workspaceRoot, 'tools', 'netlab.mjs')
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args])
  return stdout.trimEnd().split('\n')
}

it('measures a pair, or says what is missing', async () => {
  const lines = await run('nat-pairs', '--stacks=udp', '--pairs=moderate:strict,strict:open')
  const [first = ''] = lines
  const result: unknown = JSON.parse(lines.at(-1) ?? '')
  const isSkipped = first.startsWith('skipped: ')
  const measured = {
    summary: { udp: { trials: 2, direct: 1, relayed: 0, none: 1 } },
    results: [
      { a: 'moderate', b: 'strict', path: 'none' },
      { a: 'strict', b: 'open', path: 'direct' },
    ],
  }
  expect(result).toMatchObject(isSkipped ? { skipped: first.slice('skipped: '.length) } : measured)
}, 60_000)

it.each([
  // Only a relay connects these two; the others meet at it and go on directly.
  { transports: 'relay', pairs: 'strict:strict', direct: 0 },
  { transports: 'tcp,relay', pairs: 'none:moderate', direct: 1 },
])(
  'brings whole nodes together over $transports: $pairs',
  async (wanted) => {
    const { transports, pairs, direct } = wanted
    const lines = await run('matrix', `--transports=${transports}`, `--pairs=${pairs}`)
    const result: unknown = JSON.parse(lines.at(-1) ?? '')
    const [first = ''] = lines
    const isSkipped = first.startsWith('skipped: ')
    const paths: unknown = expect.arrayContaining(direct === 1 ? ['relay', 'tcp'] : ['relay'])
    // Whether it took less than 3 s is for the bench: other programs run beside a test.
    const measured = {
      ours: { trials: 1, whole: 1, lost: 0, doubled: 0, reordered: 0 },
      results: [{ sessions: 1, paths: [paths, paths] }],
    }
    expect(result).toMatchObject(
      isSkipped ? { skipped: first.slice('skipped: '.length) } : measured,
    )
  },
  60_000,
)

it('lists the scenarios', async () => {
  expect(await run()).toEqual(expect.arrayContaining(['  nat-pairs', '  matrix', '  links']))
})

it.each([
  [['nonsense'], 'no scenario nonsense; there are: nat-pairs'],
  [['nat-pairs', '--nonsense'], 'nonsense'],
  [['nat-pairs', '--rounds=0'], '--rounds is 0, expected a whole number from 1'],
  [['nat-pairs', '--rounds=x'], '--rounds is x, expected a whole number from 1'],
  [['matrix', '--pairs=none:nonsense'], 'none:nonsense is no pair'],
])('refuses %j', async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message)
})
