/** Child processes that answer questions by name: `answer` in the child, `startWorker` in the parent. */
import { fork } from 'node:child_process'
import process from 'node:process'

/** Starts `script` with `args` and gives a way to ask it. Output of the child goes to the standard error. */
export function startWorker(script, args = [], { execArgv = [] } = {}) {
  const child = fork(script, args, { execArgv, stdio: ['ignore', 2, 2, 'ipc'] })
  const waiting = new Map()
  let count = 0
  const exited = new Promise((resolve) => {
    child.once('exit', (status) => {
      for (const { reject } of waiting.values())
        reject(new Error(`a worker ended with status ${status}`))
      resolve()
    })
  })
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) resolve(result)
    else reject(new Error(error))
  })
  return {
    ask(action, args_ = {}) {
      return new Promise((resolve, reject) => {
        waiting.set(++count, { resolve, reject })
        child.send({ id: count, action, args: args_ })
      })
    },
    /** Lets it end by itself: a process that is killed writes no profile. */
    async finish() {
      if (child.connected) child.send({ id: ++count, action: 'exit', args: {} })
      waiting.set(count, { reject: () => {} })
      await exited
    },
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}

/** In a child: answers each question with what the action of that name gives. */
export function answer(actions) {
  process.on('message', async ({ id, action, args }) => {
    try {
      process.send({ id, result: await actions[action](args) })
    } catch (error) {
      process.send({ id, error: error.stack ?? String(error) })
    }
  })
}

/**
 * Resident memory of this process in KiB, after what is garbage has gone and the engine has given
 * back the room it keeps for new objects: that room tells of the work just done, and not of what
 * is held. Needs `--expose-gc`.
 */
export async function residentKiB() {
  for (let i = 0; i < 5; i++) {
    globalThis.gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    await new Promise((resolve) => void setTimeout(resolve, 50))
  }
  return process.memoryUsage().rss / 1_024
}
