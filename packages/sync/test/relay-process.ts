import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A relay in a process of its own; who starts it ends it. */
export interface RelayProcess {
  readonly url: string
  close(): Promise<void>
}

const manifest = fileURLToPath(import.meta.resolve('@vudo/relay/package.json'))
const main = path.join(path.dirname(manifest), 'src/main.ts')

/** Starts `vudo-relay` on a free port of 127.0.0.1 and waits until it listens. */
export async function startRelayProcess(): Promise<RelayProcess> {
  const child = spawn(process.execPath, [main, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const listening = Promise.withResolvers<string>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const entry: unknown = JSON.parse(line)
    const { msg, url }: { msg?: unknown; url?: unknown } = Object(entry)
    if (msg === 'listening') listening.resolve(String(url))
  })
  void exited.then(([code]) => listening.reject(new Error(`the relay ended with ${String(code)}`)))
  const url = await listening.promise
  return {
    url,
    close: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}
