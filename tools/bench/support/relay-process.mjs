/** A server in a process of its own, and what it costs. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** In the server: says that it is up, and from then on answers what it has used. */
export function measured(up) {
  process.on('message', () => {
    globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    process.send({ cpuMs: (user + system) / 1_000, rssKiB: process.memoryUsage.rss() / 1_024 })
  })
  process.on('disconnect', () => process.exit())
  process.send(up)
}

/** In the bench: starts `contenders/<name>.mjs`. */
export async function startServer(name, ...args) {
  const file = fileURLToPath(new URL(`../contenders/${name}.mjs`, import.meta.url))
  const child = fork(file, args, { execArgv: ['--expose-gc'], stdio: 'inherit' })
  const [{ url }] = await once(child, 'message')
  const ask = async () => {
    child.send('usage')
    const [usage] = await once(child, 'message')
    return usage
  }
  return {
    url,
    ask,
    /** After what was freed has gone back. */
    async askRested() {
      for (let i = 0; i < 4; i++) {
        await ask()
        await sleep(250)
      }
      return ask()
    },
    async stop() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}
