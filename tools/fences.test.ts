/**
 * Runs every code block of every README and guide: TypeScript is compiled and run as a
 * program, shell lines meet the real `vudo` in a scratch home on the loopback interface,
 * JSON is parsed. A block in a language that nobody runs fails.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createProgramFolder,
  runProgram,
  runShellFences,
  type Fence,
  type ProgramFolder,
} from './fence-runner.ts'
import { fenceMistake, fencesIn, fencesOf, markdownFiles } from './fences.mjs'
import { members, workspaceRoot } from './workspace.mjs'

const fences: Fence[] = markdownFiles(workspaceRoot).flatMap((file: string) =>
  fencesOf(workspaceRoot, file),
)
/** What docs/workers.md quotes: run by browser-examples.test.ts. */
const inBrowsers = path.join(workspaceRoot, 'docs/examples/browser')
/** Quoted word for word by a README, run by examples.test.ts and compiled with its package. */
const examples = new Set(
  [
    ...members().map(({ dir }) => path.join(dir, 'example.ts')),
    ...readdirSync(inBrowsers).map((name) => path.join(inBrowsers, name)),
  ]
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8')),
)
const noShell = process.platform === 'win32'

/** Fails with what the block threw. */
async function expectToRun(block: Promise<void>): Promise<void> {
  await expect(block).resolves.toBeUndefined()
}

function inLanguage(language: string): Fence[] {
  return fences.filter((fence) => fence.language === language && !fence.isOpen)
}

it('finds only blocks that it can run', () => {
  expect(fences.length).toBeGreaterThan(0)
  expect(fences.map(fenceMistake).filter((mistake) => mistake !== undefined)).toEqual([])
})

describe('TypeScript blocks', () => {
  const programs = inLanguage('ts').filter(({ content }) => !examples.has(content))
  let folder: ProgramFolder
  const fileByFence = new Map<Fence, string>()

  beforeAll(() => {
    folder = createProgramFolder()
    for (const fence of programs) fileByFence.set(fence, folder.write(fence))
  })
  afterAll(() => folder.remove())

  it('compile', async () => expect(await folder.typeErrors()).toEqual([]), 120_000)

  it.each(programs)(
    '$file:$line runs',
    (fence) => expectToRun(runProgram(fileByFence.get(fence) ?? '')),
    60_000,
  )
})

describe.skipIf(noShell)('shell blocks', () => {
  const byFile = [...Map.groupBy(inLanguage('sh'), ({ file }) => file)]
  it.each(byFile)('%s', (_file, inOrder) => expectToRun(runShellFences(inOrder)), 120_000)
})

function only(text: string): Fence[] {
  return fencesIn(text, 'planted.md')
}

function mistakes(text: string): (string | undefined)[] {
  return only(text).map(fenceMistake)
}

function run(lines: string): Promise<void> {
  return runShellFences(only(`\`\`\`sh\n${lines}\`\`\`\n`))
}

describe('the runner itself', () => {
  it('reads blocks as CommonMark does', () => {
    const text =
      'a\n\n````ts title="x"\n```\n````\n\n- item\n\n  ```sh\n  echo\n  ```\n\n~~~json\n{}\n~~~~\n'
    expect(only(text).map(({ line, language, content }) => [line, language, content])).toEqual([
      [4, 'ts', '```\n'],
      [10, 'sh', 'echo\n'],
      [14, 'json', '{}\n'],
    ])
    expect(mistakes(text)).toEqual([undefined, undefined, undefined])
  })

  it.each([
    ['an unknown language', '```python\nprint()\n```\n', 'planted.md:1: nobody runs "python"'],
    ['no language', '```\nx\n```\n', 'planted.md:1: nobody runs ""'],
    [
      'a block that is not closed',
      'a\n```ts\nlet a = 1\n',
      'planted.md:2: the block is never closed',
    ],
    ['a block closed by too short a mark', '````ts\nlet a = 1\n```\n', 'the block is never closed'],
    ['an empty block', '```ts\n\n```\n', 'planted.md:1: the block is empty'],
    ['JSON that is none', '```json\n{,}\n```\n', 'planted.md:1:'],
    ['a diagram that is none', '```mermaid\nfoo\n```\n', 'planted.md:1: not a diagram'],
  ])('finds %s', (_what, text, mistake) => {
    expect(mistakes(text)).toEqual([expect.stringContaining(mistake)])
  })

  it('finds TypeScript that does not compile, fails, or complains', async () => {
    const folder = createProgramFolder()
    try {
      const blocks = [
        "import { TOPIC_BYTES } from '@vudo/transport'\nconst count: string = TOPIC_BYTES\nconsole.log(count)\n",
        "throw new Error('planted')\n",
        "console.error('planted')\n",
        "import { deriveTopic } from '@vudo/topic'\nif (deriveTopic('a').length !== 32) process.exitCode = 1\n",
      ]
      const [wrong = '', failing = '', loud = '', right = ''] = only(
        blocks.map((block) => `\`\`\`ts\n${block}\`\`\`\n`).join(''),
      ).map((fence) => folder.write(fence))
      expect(await folder.typeErrors()).toEqual([
        expect.stringMatching(new RegExp(`^${path.basename(wrong)}\\(2,7\\): error TS2322`)),
      ])
      await expect(runProgram(failing)).rejects.toThrow('planted')
      await expect(runProgram(loud)).rejects.toThrow('planted')
      await runProgram(right)
    } finally {
      folder.remove()
    }
  }, 120_000)

  it
    .skipIf(noShell)
    .each([
      'echo fine\n',
      '# a comment\n\necho a \\\n  b | grep -q "a b"\n',
      'npm test\nnpm run vudo -- ls\nnpm i @vudo/topic # a comment\n',
    ])('runs shell lines: %j', (lines) => expectToRun(run(lines)))

  it.skipIf(noShell).each([
    ['echo fine\nfalse\n', 'planted.md:2: false failed'],
    ['echo $undefined_variable\n', 'unbound variable'],
    ['npm run nonsense\n', 'no script "nonsense"'],
    ['npm i left-pad\n', 'no packages of ours: left-pad'],
    ['vudo node --planted\n', 'ended with status'],
    ['vudo nonsense\n', 'vudo nonsense failed'],
  ])('finds a shell line that fails: %j', async (lines, failure) => {
    await expect(run(lines)).rejects.toThrow(failure)
  })
})
