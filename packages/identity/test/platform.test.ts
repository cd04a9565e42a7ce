import { expect, it } from 'vitest'
import * as chosen from '#crypto'
import * as browser from '../src/crypto.browser.ts'
import * as node from '../src/crypto.ts'

it('is what the conditions say: each test of this package runs with both', () => {
  const isBrowser = process.env['VUDO_TEST_MODULES'] === 'browser'
  expect(chosen.ed25519Verify).toBe(isBrowser ? browser.ed25519Verify : node.ed25519Verify)
})

it('has the same names on both', () => {
  expect(Object.keys(browser).toSorted()).toEqual(Object.keys(node).toSorted())
})
