import { expectTypeOf, it } from 'vitest'
import type * as browser from '../src/crypto.browser.ts'
import type * as node from '../src/crypto.ts'

it('takes and gives the same on both platforms', () => {
  expectTypeOf<typeof browser>().toEqualTypeOf<typeof node>()
})
