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
      'what the nodes talk over: tcp, libp2p, iroh, hyperswarm or relay',
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

function conclude({ documents, changes, kept, edited }: Awaited<ReturnType<typeof runDemo>>): void {
  printLine('\nTry next:')
  const [a, b] = kept
  if (a !== undefined && b !== undefined) {
    printLine(`  npm run vudo -- watch --data-dir ${b}`)
    printLine(`  npm run vudo -- edit ${edited} --insert "Hello. " --data-dir ${a}`)
    printLine(`  npm run vudo -- stop --data-dir ${a}   and the same for ${b}`)
  } else {
    printLine('  npm start -- --keep        the same, and both nodes stay')
    printLine('  npm run vudo -- node       a node of your own; then: npm run vudo -- ticket')
    printLine('  npm run vudo -- doctor     what a node needs, and whether it is there')
  }
  printLine(`\nconverged: ${documents} documents, ${changes} changes`)
}
