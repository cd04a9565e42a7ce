/** Ours: a channel of `@vudo/network` over `@vudo/transport-tcp`. */
import { createNodeKey } from '@vudo/identity'
import { createNetwork } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { createTransport } from '@vudo/transport'
import '@vudo/transport-tcp'

const database = { id: 'bench', secret: new Uint8Array(32).fill(7) }

async function start() {
  const key = createNodeKey()
  const config = { mode: 'tcp', port: 0, bindAddress: '127.0.0.1' }
  const network = createNetwork({
    key,
    transports: [createTransport(config, createTransportContext(key))],
  })
  await network.start()
  await network.join(database)
  return network
}

export async function serve(answer) {
  const network = await start()
  network.handle('/bench/1', (channel) => void answer(channel))
  return network.addresses[0]
}

export async function connect(address) {
  const network = await start()
  const peerId = await network.connectPeer(address)
  return network.session(peerId).openChannel('/bench/1', { database: database.id })
}
