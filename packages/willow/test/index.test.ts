import { expect, it } from 'vitest'
import { packageName } from '@vudo/willow'

it('can be imported by its name', () => {
  expect(packageName).toBe('@vudo/willow')
})
