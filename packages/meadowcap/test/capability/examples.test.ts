import { describe, expect, it } from 'vitest'
import {
  authoriseEntry,
  createEnumerationCapability,
  createRootCapability,
  decodeCapability,
  decodeWhole,
  defaultEntry,
  defaultToken,
  delegateCapability,
  delegateEnumerationCapability,
  encodeCapability,
  encodeEntry,
  encodeWith,
  isAuthorisedWrite,
  isValidCapability,
  isValidEnumerationCapability,
  readEnumerationCapability,
  writeEnumerationCapability,
  type McCapability,
  type Signer,
} from '@vudo/meadowcap'
import {
  areaOf,
  decodeOrRefuse,
  entryOf,
  example,
  fromHex,
  toHex,
  type JsonArea,
  type JsonEntry,
} from '../examples.ts'
import { keys, keyWith } from './test-keys.ts'

interface JsonCapability {
  readonly kind: 'communal' | 'owned'
  readonly mode: 'read' | 'write'
  readonly namespace: string
  readonly user: string
  readonly initialAuthorisation: string | null
  readonly delegations: readonly {
    readonly area: JsonArea
    readonly user: string
    readonly signature: string
  }[]
}

function capabilityOf(json: JsonCapability): McCapability {
  const fields = {
    accessMode: json.mode,
    namespaceKey: fromHex(json.namespace),
    userKey: fromHex(json.user),
    delegations: json.delegations.map(({ area, user, signature }) => ({
      area: areaOf(area),
      userKey: fromHex(user),
      signature: fromHex(signature),
    })),
  }
  return json.kind === 'communal'
    ? { kind: 'communal', ...fields }
    : {
        kind: 'owned',
        initialAuthorisation: fromHex(json.initialAuthorisation ?? ''),
        ...fields,
      }
}

/** Notes what it signs. */
function noting(signer: Signer, messages: string[]): Signer {
  return {
    publicKey: signer.publicKey,
    sign(message) {
      messages.push(toHex(message))
      return signer.sign(message)
    },
  }
}

describe('capabilities', () => {
  interface Case extends JsonCapability {
    readonly signedMessages: {
      readonly initialAuthorisation: string | null
      readonly handovers: string[]
    }
    readonly encode_mc_capability: string
  }

  it('are made byte for byte as in the examples, over the same messages', () => {
    const cases = example('capabilities') as Case[]
    expect(cases.length).toBeGreaterThan(6)
    for (const json of cases) {
      const messages: string[] = []
      const namespace = keyWith(json.namespace)
      let capability = createRootCapability({
        access: json.mode,
        namespace: json.kind === 'owned' ? noting(namespace, messages) : namespace.publicKey,
        userKey: fromHex(json.user),
      })
      let holder = json.user
      for (const { area, user } of json.delegations) {
        const signer = noting(keyWith(holder), messages)
        capability = delegateCapability(capability, {
          signer,
          area: areaOf(area),
          to: fromHex(user),
        })
        holder = user
      }
      const { initialAuthorisation, handovers } = json.signedMessages
      expect(messages).toEqual(
        initialAuthorisation === null ? handovers : [initialAuthorisation, ...handovers],
      )
      expect(toHex(encodeCapability(capability))).toBe(json.encode_mc_capability)
      expect(isValidCapability(capability)).toBe(true)
      expect(isValidCapability(decodeCapability(fromHex(json.encode_mc_capability)))).toBe(true)
    }
  })

  it('do not hold where the examples say so', () => {
    for (const json of example('invalidCapabilities') as JsonCapability[]) {
      expect(isValidCapability(capabilityOf(json))).toBe(false)
    }
  })
})

it('makes and verifies the enumeration capability of the examples', () => {
  const { encoded } = example('enumerationCapability') as { encoded: string }
  const root = createEnumerationCapability(keys.owned, keys.alfie.publicKey)
  const made = delegateEnumerationCapability(root, {
    signer: keys.alfie,
    to: keys.betty.publicKey,
  })
  expect(toHex(encodeWith((sink) => writeEnumerationCapability(sink, made)))).toBe(encoded)
  const bytes = fromHex(encoded)
  expect(isValidEnumerationCapability(decodeWhole(bytes, readEnumerationCapability))).toBe(true)
  for (const at of bytes.keys()) {
    const flipped = bytes.with(at, (bytes[at] ?? 0) ^ (1 << (at % 8)))
    const decoded = decodeOrRefuse(() => decodeWhole(flipped, readEnumerationCapability))
    expect(decoded !== undefined && isValidEnumerationCapability(decoded)).toBe(false)
  }
  expect(() =>
    delegateEnumerationCapability(made, { signer: keys.alfie, to: keys.gemma.publicKey }),
  ).toThrow(expect.objectContaining({ code: 'ERR_CAPABILITY_RECEIVER' }))
})

it('allows and denies the writes of the examples', () => {
  interface Case {
    readonly description: string
    readonly isAuthorisedWrite: boolean
    readonly entry: JsonEntry
    readonly capability: string
    readonly signature: string
  }
  const cases = example('tokens') as Case[]
  expect(cases.filter((json) => json.isAuthorisedWrite).length).toBeGreaterThan(2)
  for (const json of cases) {
    const token = {
      capability: decodeCapability(fromHex(json.capability)),
      signature: fromHex(json.signature),
    }
    const entry = entryOf(json.entry)
    expect([json.description, isAuthorisedWrite(entry, token)]).toEqual([
      json.description,
      json.isAuthorisedWrite,
    ])
  }
})

it('has the defaults that the specification prints', () => {
  const json = example('defaults') as Record<string, string>
  expect(toHex(encodeEntry(defaultEntry))).toBe(json['encode_entry'])
  expect(toHex(defaultToken.signature)).toBe(json['signature'])
  expect(isAuthorisedWrite(defaultEntry, defaultToken)).toBe(true)
})

it('signs a write as the examples do', () => {
  const [json] = example('tokens') as { entry: JsonEntry; capability: string; signature: string }[]
  if (json === undefined) throw new Error('the examples have no token')
  const capability = decodeCapability(fromHex(json.capability))
  const token = authoriseEntry(entryOf(json.entry), capability, keys.alfie)
  expect(toHex(token.signature)).toBe(json.signature)
})
