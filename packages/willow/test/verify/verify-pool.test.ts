import { createEd25519Key } from '@vudo/identity'
import type { SignatureCheck } from '@vudo/meadowcap'
import { createVerifyPool, sharedVerifyPool } from '@vudo/willow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const key = createEd25519Key(new Uint8Array(32).fill(7))
const other = createEd25519Key(new Uint8Array(32).fill(8))

function signed(text: string): SignatureCheck {
  const message = new TextEncoder().encode(text)
  return { publicKey: key.publicKey, message, signature: key.sign(message) }
}

describe('verify pool', () => {
  it('says of each signature whether it is right, in their order', async () => {
    const right = signed('right')
    const checks = [
      right,
      { ...right, message: new Uint8Array([1]) },
      { ...right, publicKey: other.publicKey },
      { ...right, signature: new Uint8Array(64) },
      { ...right, signature: new Uint8Array(3) },
      { ...right, publicKey: new Uint8Array(31) },
      signed('right too'),
    ]
    const expected = [true, false, false, false, false, false, true]
    expect(await createVerifyPool().verifyMany(checks)).toEqual(expected)
    expect(await createVerifyPool({ maxRunning: 1 }).verifyMany(checks)).toEqual(expected)
    expect(await sharedVerifyPool().verifyMany(checks)).toEqual(expected)
  })

  it('is as strict as one check alone', async () => {
    const identity = new Uint8Array(32)
    identity[0] = 1
    const signature = new Uint8Array(64)
    signature[0] = 1
    const check = { publicKey: identity, message: new Uint8Array(0), signature }
    expect(await createVerifyPool().verify(check)).toBe(false)
    expect(await createVerifyPool().verify(signed('right'))).toBe(true)
  })

  it('has nothing to do for an empty batch', async () => {
    expect(await createVerifyPool().verifyMany([])).toEqual([])
  })

  it('checks no more at a time than it may, and all in the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.boolean(), { maxLength: 9 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 5 }),
        async (batches, maxRunning) => {
          const slow = heldVerifier()
          const pool = createVerifyPool({ maxRunning, verifyAsync: slow.verify })
          const all = batches.map(async (answers) => pool.verifyMany(answers.map(checkOf)))
          const total = batches.flat().length
          let left = total
          while (left > 0) {
            expect(slow.held).toBe(Math.min(maxRunning, left))
            expect(pool.running).toBe(slow.held)
            expect(pool.waiting).toBe(left - slow.held)
            await slow.release()
            left--
          }
          expect(await Promise.all(all)).toEqual(batches)
          expect(pool.running + pool.waiting).toBe(0)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('lets a small batch pass a large one', async () => {
    const slow = heldVerifier()
    const pool = createVerifyPool({ maxRunning: 2, verifyAsync: slow.verify })
    const settled: string[] = []
    const large = pool.verifyMany(Array.from({ length: 100 }, () => checkOf(true)))
    const largeDone = large.then(() => settled.push('large'))
    const smallDone = pool.verify(checkOf(true)).then(() => settled.push('small'))
    for (let i = 0; i < 6; i++) await slow.release()
    expect(settled).toEqual(['small'])
    while (slow.held > 0) await slow.release()
    await Promise.all([largeDone, smallDone])
    expect(settled).toEqual(['small', 'large'])
  })

  it('refuses a number of checks that makes no sense', () => {
    for (const maxRunning of [0, -1, 1.5, 129, Number.NaN]) {
      expect(() => createVerifyPool({ maxRunning })).toThrow(RangeError)
    }
  })
})

/** A check whose answer a held verifier reads from the message. */
function checkOf(answer: boolean): SignatureCheck {
  const nothing = new Uint8Array(0)
  return {
    publicKey: nothing,
    message: new Uint8Array([answer ? 1 : 0]),
    signature: nothing,
  }
}

/** Answers only when told, the oldest first. */
function heldVerifier(): {
  readonly held: number
  verify: (check: SignatureCheck) => Promise<boolean>
  release: () => Promise<void>
} {
  const waiting: (() => void)[] = []
  return {
    get held() {
      return waiting.length
    },
    verify: async ({ message }) =>
      new Promise((resolve) => {
        waiting.push(() => {
          resolve(message[0] === 1)
        })
      }),
    release: async () => {
      waiting.shift()?.()
      // What follows an answer runs before the next turn of the event loop.
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    },
  }
}
