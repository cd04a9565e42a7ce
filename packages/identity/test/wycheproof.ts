/** Runs the vectors of Project Wycheproof, in Node and in browsers. */
import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import {
  aesGcmDecrypt,
  aesGcmEncrypt,
  createAgreementKey,
  ed25519Verify,
  hkdfSha256,
} from '#crypto'
import aesGcm from './vectors/wycheproof/aes_gcm.json' with { type: 'json' }
import ed25519 from './vectors/wycheproof/ed25519.json' with { type: 'json' }
import hkdf from './vectors/wycheproof/hkdf_sha256.json' with { type: 'json' }
import x25519 from './vectors/wycheproof/x25519.json' with { type: 'json' }

type Fields = Readonly<Record<string, string>>
type Vector = Fields & { readonly tcId: number; readonly size: number; readonly flags: string[] }
interface Vectors {
  readonly testGroups: readonly {
    readonly publicKey?: { readonly pk: string }
    readonly tests: readonly Vector[]
  }[]
}

/** What every primitive should make of its vectors: none is wrong. */
export const expected: Record<Primitive, Outcome> = {
  'AES-256-GCM': { count: 66, wrong: [] },
  Ed25519: { count: 151, wrong: [] },
  X25519: { count: 518, wrong: [] },
  'HKDF-SHA-256': { count: 86, wrong: [] },
}

export type Primitive = 'AES-256-GCM' | 'Ed25519' | 'X25519' | 'HKDF-SHA-256'

/** How many vectors there were, and which of them were judged wrongly. */
export interface Outcome {
  readonly count: number
  readonly wrong: readonly number[]
}

/** Runs the vectors of one primitive, or of all. */
export const runWycheproof: Record<Primitive, () => Outcome> = {
  'AES-256-GCM': () =>
    run(aesGcm as unknown as Vectors, (vector) => {
      const input = {
        key: field(vector, 'key'),
        nonce: field(vector, 'iv'),
        associatedData: field(vector, 'aad'),
      }
      const sealed = concatBytes(field(vector, 'ct'), field(vector, 'tag'))
      const opened = aesGcmDecrypt(input, sealed)
      if (!opened) return false
      const again = aesGcmEncrypt(input, opened)
      return bytesToHex(opened) === vector['msg'] && bytesToHex(again) === bytesToHex(sealed)
    }),
  Ed25519: () =>
    run(ed25519 as unknown as Vectors, (vector, publicKey) =>
      ed25519Verify(hexToBytes(publicKey), field(vector, 'msg'), field(vector, 'sig')),
    ),
  X25519: () =>
    run(x25519 as unknown as Vectors, (vector) => {
      const key = createAgreementKey(field(vector, 'private'))
      return bytesToHex(key.agree(field(vector, 'public'))) === vector['shared']
    }),
  'HKDF-SHA-256': () =>
    run(hkdf as unknown as Vectors, (vector) => {
      const options = {
        salt: field(vector, 'salt'),
        info: field(vector, 'info'),
        length: vector.size,
      }
      if (vector.size > 8_160) return false
      return bytesToHex(hkdfSha256(field(vector, 'ikm'), options)) === vector['okm']
    }),
}

/** The private and public keys of X25519 that lead to a secret of zeros. */
export function zeroSecrets(): { readonly seed: Uint8Array; readonly theirs: Uint8Array }[] {
  return (x25519 as unknown as Vectors).testGroups
    .flatMap(({ tests }) => tests)
    .filter(({ flags }) => flags.includes('ZeroSharedSecret'))
    .map((vector) => ({ seed: field(vector, 'private'), theirs: field(vector, 'public') }))
}

function run(
  { testGroups }: Vectors,
  accepts: (vector: Vector, publicKey: string) => boolean,
): Outcome {
  const vectors = testGroups.flatMap(({ tests, publicKey }) =>
    tests.map((vector) => ({ vector, publicKey: publicKey?.pk ?? '' })),
  )
  const wrong = vectors
    .filter(({ vector }) => vector['result'] !== 'acceptable')
    .filter(({ vector, publicKey }) => {
      return accepts(vector, publicKey) !== (vector['result'] === 'valid')
    })
  return { count: vectors.length, wrong: wrong.map(({ vector }) => vector.tcId) }
}

function field(vector: Vector, name: string): Uint8Array {
  return hexToBytes(vector[name] ?? '')
}
