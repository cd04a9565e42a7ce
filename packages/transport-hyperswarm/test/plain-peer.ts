import HyperDHT, { type KeyPair, type SecretStream } from 'hyperdht'
import type { Address } from '@vudo/transport'
import { parseHyperswarmAddress } from '@vudo/transport-hyperswarm'
import type { Bootstrap } from '@vudo/transport-hyperswarm/bootstrap'

/** A node of the bare library in this process, for what our own transport would never send. */
export interface PlainPeer {
  /** Opens a stream as a new peer, and says nothing. */
  dial(address: Address, keyPair?: KeyPair): Promise<SecretStream>
  /** Listens with a new key; every stream goes to `onStream`. */
  listen(onStream: (stream: SecretStream) => void): Promise<Address>
  close(): Promise<void>
}

export function createPlainPeer({ host, port }: Bootstrap): PlainPeer {
  const dht = new HyperDHT({
    bootstrap: [{ host, port }],
    host: '127.0.0.1',
    port: [0, 1],
    anyPort: true,
    firewalled: false,
  })
  return {
    async dial(address, keyPair = HyperDHT.keyPair()) {
      const key = Buffer.from(parseHyperswarmAddress(address), 'hex')
      const stream = dht.connect(key, {
        keyPair,
        relayAddresses: [],
        localConnection: false,
        holepunch: () => true,
      })
      stream.on('error', () => undefined)
      if (!(await stream.opened)) throw new Error('the stream did not open')
      return stream
    },
    async listen(onStream) {
      const keyPair = HyperDHT.keyPair()
      const server = dht.createServer(
        { firewall: () => false, shareLocalAddress: false },
        (stream) => {
          stream.on('error', () => undefined)
          onStream(stream)
        },
      )
      await server.listen(keyPair)
      return `hyperswarm://${keyPair.publicKey.toString('hex')}`
    },
    close: () => dht.destroy({ force: true }),
  }
}
