import { readFileSync } from 'node:fs'

interface Vectors {
  readonly messages: readonly {
    readonly name: string
    readonly records: readonly {
      readonly kind: string
      readonly nonce?: string
      readonly tags?: readonly string[]
      readonly reason?: string
    }[]
    readonly hex: string
  }[]
  readonly broken: readonly { readonly name: string; readonly hex: string }[]
  readonly conversation: {
    readonly sender: string
    readonly receiver: string
    readonly nonce: string
    readonly topic: string
    readonly firstMessage: string
  }
}

const file = new URL('vectors/control-messages.json', import.meta.url)

export const vectors: Vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
