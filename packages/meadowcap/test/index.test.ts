import { expect, it } from 'vitest'
import * as meadowcap from '@vudo/meadowcap'

it('can be imported by its name', () => {
  expect(meadowcap.emptyPath.length).toBe(0)
})
