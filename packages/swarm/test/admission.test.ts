import { describe, expect, it } from 'vitest'
import { MAX_HALF_OPEN, MAX_HALF_OPEN_PER_ADDRESS } from '@vudo/transport'
import { createAdmission } from '../src/admission.ts'

describe('createAdmission', () => {
  it('bounds handshakes of one address, and counts them down once', () => {
    const admission = createAdmission(1_000)
    const leaves = Array.from({ length: MAX_HALF_OPEN_PER_ADDRESS }, () => admission.enter('a', 0))
    expect(leaves).not.toContain(undefined)
    expect(admission.enter('a', 0)).toBeUndefined()
    leaves[0]?.()
    leaves[0]?.()
    expect(admission.enter('a', 0)).toBeDefined()
    expect(admission.enter('a', 0)).toBeUndefined()
    expect(admission.enter('b', 0)).toBeDefined()
  })

  it('bounds handshakes in all', () => {
    const admission = createAdmission(1)
    const leaves = Array.from({ length: MAX_HALF_OPEN }, (_, n) => admission.enter(`${n}`, 0))
    expect(leaves).not.toContain(undefined)
    expect(admission.enter('new', 0)).toBeUndefined()
    expect(admission.enter(undefined, 0)).toBeUndefined()
    leaves[5]?.()
    expect(admission.enter('new', 0)).toBeDefined()
  })

  it('bounds new connections per second and address', () => {
    const admission = createAdmission(5)
    const knock = (nowMs: number): boolean => {
      const leave = admission.enter('a', nowMs)
      leave?.()
      return leave !== undefined
    }
    expect(Array.from({ length: 6 }, () => knock(0))).toEqual([true, true, true, true, true, false])
    expect(knock(100)).toBe(false)
    expect(knock(300)).toBe(true)
    expect(knock(300)).toBe(false)
  })
})
