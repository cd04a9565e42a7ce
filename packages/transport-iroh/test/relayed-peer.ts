/**
 * One end of a relayed connection, in a process and a network of its own. Arguments: the
 * relay's URL, and the address to dial, or none to wait. Prints a line of JSON for each
 * thing that happens.
 */
import { argv, stdout } from 'node:process'
import { iroh } from '@vudo/transport-iroh'
import { createContext } from './nodes.ts'

const [relay = '', address] = argv.slice(2)
const topic = new Uint8Array(32).fill(7)
const node = iroh({ relays: [relay] })(createContext({ bindAddress: '0.0.0.0' }))

function tell(what: Record<string, unknown>): void {
  stdout.write(`${JSON.stringify(what)}\n`)
}

await node.listen()
tell({ addresses: node.addresses })
if (address !== undefined) await node.dial(address)
for await (const connection of node.connect(topic)) {
  await connection.send(new TextEncoder().encode(connection.path.outbound ? 'ping' : 'pong'))
  const message = await connection.receive()
  const { relayed, address: way } = connection.path
  tell({ relayed, way, heard: new TextDecoder().decode(message), peerId: connection.peerId })
  if (connection.path.outbound) await connection.close()
  else await connection.closed
  break
}
await node.disconnect()
