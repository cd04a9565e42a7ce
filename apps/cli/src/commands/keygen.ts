import path from 'node:path'
import type { Command } from 'commander'
import { createKeyFile } from '@vudo/identity/key-file'
import { printJson, printLine } from '../output.ts'

/** Adds `vudo keygen`. */
export function addKeygenCommand(program: Command): void {
  program
    .command('keygen')
    .argument('<file>', 'the key file to make; an existing one is never overwritten')
    .description("make a node's key file, readable by you alone")
    .option('--json', 'print JSON')
    .action(makeKey)
}

async function makeKey(file: string, options: { readonly json?: boolean }): Promise<void> {
  const target = path.resolve(file)
  const { peerId } = await createKeyFile(target)
  if (options.json === true) printJson({ peerId, file: target })
  else printLine(`${peerId}\nwritten to ${target}; keep it secret, and keep a copy`)
}
