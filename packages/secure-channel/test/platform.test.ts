import { expect, it } from 'vitest'
import * as chosen from '#crypto'
import * as browser from '../src/crypto.browser.ts'
import * as node from '../src/crypto.ts'

it('is what the conditions say: each test of this package runs with both', () => {
  const isBrowser = process.env['VUDO_TEST_MODULES'] === 'browser'
  expect(chosen.createAesGcmKey).toBe(isBrowser ? browser.createAesGcmKey : node.createAesGcmKey)
})

it('has the same names on both', () => {
  expect(Object.keys(browser).toSorted()).toEqual(Object.keys(node).toSorted())
})
