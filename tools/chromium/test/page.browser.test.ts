/** Tests in one page: what vitest runs inside Chromium has what the sources need there. */
import { expect, it } from 'vitest'
import { askWorker, automergeText, countInSharedWorker, which } from './page.ts'

it('runs in a page, of a secure origin of this machine', () => {
  expect(globalThis.isSecureContext).toBe(true)
  expect(location.hostname).toBe('127.0.0.1')
})

it('takes the files for browsers', () => {
  expect(which()).toBe('browser')
})

it('loads wasm', () => {
  expect(automergeText('written')).toBe('written')
})

it('starts workers', async () => {
  await expect(askWorker('hello')).resolves.toBe('worker: hello')
  await expect(countInSharedWorker()).resolves.toBe(1)
})
