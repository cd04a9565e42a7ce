/** What the tests use of the bare stack, which has no types of its own. */
declare module 'hyperswarm' {
  import type { KeyPair, SecretStream, UdpAddress } from 'hyperdht'

  export default class Hyperswarm {
    constructor(options: {
      readonly bootstrap: readonly UdpAddress[]
      readonly keyPair?: KeyPair
      readonly port?: number
    })
    readonly keyPair: KeyPair
    on(event: 'connection', listener: (stream: SecretStream) => void): this
    join(
      topic: Buffer,
      options: { readonly server: boolean; readonly client: boolean },
    ): { flushed(): Promise<boolean>; refresh(): Promise<boolean> }
    destroy(): Promise<void>
  }
}
