import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A relay in a process of its own. */
export interface RelayProcess {
  readonly url: string
  readonly port: number
  readonly metricsUrl: string | undefined
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  /** Ends it and waits for that; the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

const manifest = fileURLToPath(import.meta.resolve('@vudo/relay/package.json'))
const main = path.join(path.dirname(manifest), 'src/main.ts')

/** Starts `vudo-relay` on a free port of 127.0.0.1 and waits until it listens. */
export async function startRelayProcess(...args: readonly string[]): Promise<RelayProcess> {
  const port = args.includes('--port') ? [] : ['--port', '0']
  const child = spawn(process.execPath, [main, ...port, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const lines = createInterface({ input: child.stdout })
  const listening = Promise.withResolvers<Record<string, unknown>>()
  lines.on('line', (line) => {
    const entry = JSON.parse(line) as Record<string, unknown>
    if (entry['msg'] === 'listening') listening.resolve(entry)
  })
  void exited.then(([code]) => listening.reject(new Error(`the relay ended with ${code}`)))
  const { url, metricsUrl } = await listening.promise
  return {
    url: String(url),
    port: Number(new URL(String(url)).port),
    metricsUrl: metricsUrl === undefined ? undefined : String(metricsUrl),
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    async stop(signal = 'SIGKILL') {
      child.kill(signal)
      const [code] = await exited
      return code
    },
  }
}
