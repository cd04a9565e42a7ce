import { createRequire } from 'node:module'

interface UdxStream {
  destroy(): void
  once(event: 'close', listener: () => void): void
  connect(...args: unknown[]): void
}

/** What lies below the connections of this process. */
export interface Cable {
  /** Destroys every UDX stream that is open, so that no end can say goodbye. */
  cut(): void
}

/** Sees every UDX stream that is connected from now on: the library has no event for that. */
export function createCable(): Cable {
  const streams = new Set<UdxStream>()
  const fromHere = createRequire(import.meta.url)
  const fromDht = createRequire(fromHere.resolve('hyperdht'))
  const fromRpc = createRequire(fromDht.resolve('dht-rpc'))
  const { prototype } = fromRpc('udx-native/lib/stream.js') as { readonly prototype: UdxStream }
  // oxlint-disable-next-line typescript/unbound-method -- called with the stream below
  const { connect } = prototype
  prototype.connect = function (this: UdxStream, ...args) {
    streams.add(this)
    this.once('close', () => streams.delete(this))
    connect.apply(this, args)
  }
  return {
    cut() {
      for (const stream of streams) stream.destroy()
    },
  }
}
