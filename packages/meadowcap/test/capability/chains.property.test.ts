import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  areaIncludes,
  createArea,
  createPath,
  createVerifier,
  decodeCapability,
  delegateCapability,
  encodeCapability,
  fullArea,
  grantedArea,
  isMeadowcapError,
  timeRanges,
  type Area,
  type Delegation,
  type McCapability,
  type OwnedCapability,
} from '@vudo/meadowcap'
import { idOf } from '../arbitraries.ts'

/** A repeatable source of integers below `bound` (mulberry32): the seed is fixed, so a failure comes again. */
function createRandom(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}

const subspaces = [undefined, idOf(2), idOf(4)]
const paths = [[], ['a'], ['a', 'a'], ['a', 'b'], ['ab']].map(createPath)
const times = [
  timeRanges.full,
  timeRanges.create(1n),
  timeRanges.create(0n, 3n),
  timeRanges.create(1n, 2n),
]
/** Every area over these: 60. */
const areas = subspaces.flatMap((subspaceId) =>
  paths.flatMap((path) => times.map((range) => createArea({ subspaceId, path, times: range }))),
)

/** Places that tell any two of the areas apart: one subspace is named by none, one time is far. */
const places = [idOf(2), idOf(4), idOf(6)].flatMap((subspaceId) =>
  [...paths, createPath(['a', 'a', 'x']), createPath(['x'])].flatMap((path) =>
    [0n, 1n, 2n, 3n, 9n].map((timestamp) => ({ subspaceId, path, timestamp })),
  ),
)

/** Which places an area holds, worked out from the definition and not by the code under test. */
function holds(area: Area): bigint {
  return places.reduce((set, { subspaceId, path, timestamp }, index) => {
    const isInside =
      (area.subspaceId === undefined || area.subspaceId[0] === subspaceId[0]) &&
      `${path.toString()}/`.startsWith(`${area.path.toString()}/`) &&
      timestamp >= area.times.start &&
      (area.times.end === undefined || timestamp < area.times.end)
    return isInside ? set | (1n << BigInt(index)) : set
  }, 0n)
}

const heldBy = new Map<Area, bigint>([...areas, fullArea].map((area) => [area, holds(area)]))
const isInside = (inner: Area, outer: Area): boolean => {
  const [a, b] = [heldBy.get(inner) ?? holds(inner), heldBy.get(outer) ?? holds(outer)]
  return (a & b) === a
}

const signature = new Uint8Array(64)
const user = { publicKey: idOf(2), sign: () => signature }
const root: OwnedCapability = {
  kind: 'owned',
  accessMode: 'write',
  namespaceKey: idOf(1),
  userKey: user.publicKey,
  initialAuthorisation: signature,
  delegations: [],
}

it('never widens over 100,000 random chains', () => {
  // Every signature is right here: then only the areas decide.
  const verifier = createVerifier({ verify: () => true, maxCached: 0 })
  const random = createRandom(7)
  const wrong: number[] = []
  let valid = 0
  for (let run = 0; run < 100_000; run++) {
    const delegations: Delegation[] = []
    let held: Area = fullArea
    let narrows = true
    for (let left = 1 + random(4); left > 0; left--) {
      const area = areas[random(areas.length)] ?? fullArea
      narrows &&= isInside(area, held)
      held = area
      delegations.push({ area, userKey: user.publicKey, signature })
    }
    const isValid = verifier.isValidCapability({ ...root, delegations })
    if (isValid !== narrows) wrong.push(run)
    if (isValid) valid++
  }
  expect(wrong).toEqual([])
  expect(valid).toBeGreaterThan(5_000)
})

it('hands on exactly what is inside, and what was handed on decodes', () => {
  const random = createRandom(11)
  for (let run = 0; run < 5_000; run++) {
    let capability: McCapability = root
    for (let left = 3; left > 0; left--) {
      const area = areas[random(areas.length)] ?? fullArea
      const held = grantedArea(capability)
      let refused: unknown
      try {
        capability = delegateCapability(capability, { signer: user, area, to: user.publicKey })
      } catch (error) {
        refused = isMeadowcapError(error) ? error.code : error
      }
      expect(refused).toBe(isInside(area, held) ? undefined : 'ERR_CAPABILITY_WIDENED')
    }
    const decoded = decodeCapability(encodeCapability(capability))
    const granted = [fullArea, ...decoded.delegations.map((step) => step.area)]
    for (const [index, area] of granted.entries()) {
      for (const earlier of granted.slice(0, index)) expect(areaIncludes(earlier, area)).toBe(true)
    }
  }
})

it('tells areas apart as the definition does', () => {
  const pair = fc.tuple(fc.constantFrom(...areas), fc.constantFrom(...areas))
  fc.assert(
    fc.property(pair, ([a, b]) => areaIncludes(a, b) === isInside(b, a)),
    { numRuns: 2000 },
  )
})
