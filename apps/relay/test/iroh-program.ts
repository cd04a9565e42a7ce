/** Two nodes of the real iroh stack and our relay: one sends the other a word, knowing its key and the relay. */
import process from 'node:process'
import { Endpoint, EndpointAddr, presetMinimal, RelayMode, SecretKey } from '@number0/iroh'
import { startRelay } from '@vudo/relay'

const relay = await startRelay()
const url = relay.url.replace('ws', 'http')
const alpn = [...Buffer.from('vudo-test/1')]

function seed(n: number): number[] {
  return Array.from({ length: 32 }, () => n)
}

async function bind(n: number): Promise<Endpoint> {
  const builder = Endpoint.builder()
  presetMinimal(builder)
  builder.secretKey(seed(n))
  builder.alpns([alpn])
  builder.relayMode(RelayMode.customFromUrls([url]))
  const endpoint = await builder.bind()
  // Settles when the relay has let it in.
  await endpoint.online()
  return endpoint
}

async function accept(endpoint: Endpoint): Promise<string> {
  const incoming = await endpoint.acceptNext()
  const connection = await (await incoming?.accept())?.connect()
  const streams = await connection?.acceptBi()
  return Buffer.from((await streams?.recv.readExact(5)) ?? []).toString()
}

const [a, b] = [await bind(1), await bind(2)]
const heard = accept(b)
const connection = await a.connect(
  new EndpointAddr(SecretKey.fromBytes(seed(2)).public(), url),
  alpn,
)
const { send } = await connection.openBi()
await send.writeAll([...Buffer.from('hello')])
process.stdout.write(`${await heard} from ${relay.connectionCount} clients\n`)
// The stack keeps the process alive for a while.
process.exit(0)
