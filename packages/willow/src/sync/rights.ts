import { verifyEd25519 } from '@vudo/identity'
import {
  areaIncludes,
  grantedArea,
  intersectAreas,
  receiverOf,
  type Area,
  type McCapability,
  type Signer,
} from '@vudo/meadowcap'
import { bytesEqual, concatBytes, hexToBytes } from '@vudo/wire'
import type { PeerId } from '@vudo/transport'
import { MAX_SHARED_AREAS } from '../limits.ts'

/** One key that a peer says it has, with its signature. */
export interface KeyProof {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Who proves a key to whom, and against which challenge. */
export interface ProofContext {
  readonly namespaceId: Uint8Array
  /** Who has the key. Both peers are proven by the connection. */
  readonly prover: PeerId
  readonly verifier: PeerId
  /** 32 random bytes of the verifier, used on one channel. */
  readonly nonce: Uint8Array
}

/**
 * 32 bytes. Entries are signed without a tag and begin with their namespace: read as one, this
 * is an owned namespace of which nobody has the key, so a proof is never a write.
 */
const tag = new TextEncoder().encode('vudo/willow/1 peer proves key #1')

/** What is signed: it names both peers, so that nobody can pass a challenge on to somebody else. */
function proofMessage({ namespaceId, prover, verifier, nonce }: ProofContext): Uint8Array {
  return concatBytes(tag, namespaceId, hexToBytes(prover), hexToBytes(verifier), nonce)
}

/** Proves each of the signers' keys. */
export function proveKeys(signers: readonly Signer[], context: ProofContext): KeyProof[] {
  const message = proofMessage(context)
  return signers.map((signer) => ({ key: signer.publicKey, signature: signer.sign(message) }))
}

/** Tells whether the peer has the key. */
export function isKeyProven({ key, signature }: KeyProof, context: ProofContext): boolean {
  return verifyEd25519(key, proofMessage(context), signature)
}

/** What makes a shown capability count. */
export interface RightsContext extends ProofContext {
  /** Keys that the peer has proven besides its own. */
  readonly keys: readonly Uint8Array[]
}

/** Tells whether a capability lets the peer read if it is valid: it is for reading, of this namespace, and granted to a key that it proved. */
export function letsRead(capability: McCapability, context: RightsContext): boolean {
  if (capability.accessMode !== 'read') return false
  if (!bytesEqual(capability.namespaceKey, context.namespaceId)) return false
  const receiver = receiverOf(capability)
  const keys = [hexToBytes(context.prover), ...context.keys]
  return keys.some((key) => bytesEqual(key, receiver))
}

/** Areas that capabilities and an open area give; those inside another one are left out. */
export function readableAreas(
  capabilities: readonly McCapability[],
  open: Area | undefined,
): Area[] {
  return withoutInner([...(open ? [open] : []), ...capabilities.map(grantedArea)])
}

/**
 * What both ends may read, in an order on which both agree: the opener's areas, each with all
 * of the other's. At most `MAX_SHARED_AREAS`.
 */
export function sharedAreas(opener: readonly Area[], other: readonly Area[]): Area[] {
  const shared: Area[] = []
  for (const a of opener) {
    for (const b of other) {
      const both = intersectAreas(a, b)
      if (both !== undefined) shared.push(both)
    }
  }
  return withoutInner(shared).slice(0, MAX_SHARED_AREAS)
}

function withoutInner(areas: readonly Area[]): Area[] {
  return areas.filter((area, at) =>
    areas.every(
      (outer, other) =>
        other === at || !areaIncludes(outer, area) || (areaIncludes(area, outer) && other > at),
    ),
  )
}
