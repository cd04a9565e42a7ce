import { expect, it } from 'vitest'
import { packageName } from '@vudo/meadowcap'

it('can be imported by its name', () => {
  expect(packageName).toBe('@vudo/meadowcap')
})
