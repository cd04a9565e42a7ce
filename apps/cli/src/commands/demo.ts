import path from 'node:path'
import type { Command } from 'commander'
import { runDemo } from '../demo/story.ts'
import { printJson, printLine, shownText } from '../output.ts'
import { Interrupted, untilInterrupted } from './interrupt.ts'

/** Adds `vudo demo`. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('two nodes on this machine find each other and agree on a folder of documents')
    .option('--folder <folder>', 'whose Markdown files to use', '.')
    .option(
      '--transport <name>',
      'what the nodes talk over: tcp, libp2p, iroh, hyperswarm, relay, or auto: tcp and a relay',
      'tcp',
    )
    .option('--keep', 'leave both nodes running')
    .option('--json', 'print JSON')
    .action(demo)
}

interface DemoOptions {
  readonly folder: string
  readonly transport: string
  readonly keep?: boolean
  readonly json?: boolean
}

async function demo({ folder, transport, keep, json }: DemoOptions): Promise<void> {
  const startedMs = performance.now()
  const elapsed = (): string => ((performance.now() - startedMs) / 1_000).toFixed(1)
  const interrupt = untilInterrupted()
  const aborter = new AbortController()
  void interrupt.promise.then(() => aborter.abort(new Interrupted()))
  const tell = (sentence: string): void => {
    if (json === true) printJson({ seconds: Number(elapsed()), sentence })
    else printLine(`${elapsed().padStart(5)} s  ${shownText(sentence)}`)
  }
  if (json !== true) printLine('Two nodes on this machine; nothing leaves it.\n')
  try {
    const result = await runDemo({
      folder: path.resolve(folder),
      transport,
      isKept: keep === true,
      tell,
      signal: aborter.signal,
    })
    if (json === true) printJson(result)
    else conclude(result)
  } finally {
    interrupt.release()
  }
}

/** What to try then, in the words that work where the command was started from. */
export function nextSteps(
  kept: readonly string[],
  edited: string,
  isRepository: boolean = import.meta.url.endsWith('.ts'),
): readonly string[] {
  const vudo = isRepository ? 'npm run -s vudo --' : 'vudo'
  const again = isRepository ? 'npm start -- --keep' : 'vudo demo --keep'
  const [a, b] = kept
  if (a === undefined || b === undefined) {
    return [
      `${again}   the same, and both nodes stay`,
      `${vudo} node   a node of your own; then: ${vudo} ticket`,
      `${vudo} doctor   what a node needs, and whether it is there`,
    ]
  }
  return [
    `${vudo} watch --data-dir ${b}`,
    `${vudo} edit ${edited} --insert "Hello. " --data-dir ${a}`,
    `${vudo} stop --data-dir ${a}   and the same for ${b}`,
  ]
}

function conclude({ documents, changes, kept, edited }: Awaited<ReturnType<typeof runDemo>>): void {
  printLine('\nTry next:')
  for (const line of nextSteps(kept, edited)) printLine(`  ${line}`)
  printLine(`\nconverged: ${documents} documents, ${changes} changes`)
}
