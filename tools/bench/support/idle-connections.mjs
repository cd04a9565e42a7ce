/** What an idle connection costs: resident memory of one process that holds many, whose far ends live in others. */
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { startWorker } from './workers.mjs'

const processes = 4
const script = fileURLToPath(new URL('idle-process.mjs', import.meta.url))
const execArgv = ['--expose-gc', '--import', new URL('compiled.mjs', import.meta.url).href]

/** KiB per connection and MiB of the whole process, for a contender of contest.mjs. */
export async function holdIdle(name, { connections, setting }) {
  process.stderr.write(`${connections} idle connections: ${name}\n`)
  const start = () => startWorker(script, [name], { execArgv })
  const server = start()
  const clients = Array.from({ length: processes }, start)
  const perProcess = Math.ceil(connections / processes)
  try {
    const address = await server.ask('serve', { setting })
    // One first: what the first of its kind loads belongs to the program and not to a connection.
    await clients[0].ask('join', { count: 1, address, setting })
    const beforeKiB = await server.ask('memory')
    await Promise.all(
      clients.map((client, i) =>
        client.ask('join', { count: i === 0 ? perProcess - 1 : perProcess, address, setting }),
      ),
    )
    const afterKiB = await server.ask('memory')
    const alive = await Promise.all(clients.map((client) => client.ask('alive')))
    const idleConnections = alive.reduce((sum, count) => sum + count, 0)
    return {
      idleConnections,
      idleKiBPerConnection: (afterKiB - beforeKiB) / (idleConnections - 1),
      processMiB: afterKiB / 1_024,
    }
  } finally {
    await Promise.all([server, ...clients].map((one) => one.end()))
  }
}
