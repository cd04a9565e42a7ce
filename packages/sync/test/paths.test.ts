import { expect, test } from 'vitest'
import { collectionOf, documentIdToUrl, parseDocumentUrl, parsePath } from '@vudo/sync'

test('paths are normalized, so that what looks the same is the same', () => {
  expect(parsePath('notes/cafe\u0301')).toBe('notes/caf\u00e9')
  expect(collectionOf('notes/today')).toBe('notes')
  expect(collectionOf('notes')).toBe('notes')
})

test.each([
  '',
  '/',
  'a//b',
  'a/',
  '/a',
  '.',
  'a/../b',
  'a\\b',
  'a\u0000',
  'a\ud800',
  'x'.repeat(256),
  'a/'.repeat(32) + 'a',
  ('x'.repeat(250) + '/').repeat(4) + 'x'.repeat(30),
])('refuses the path %j', (path) => {
  expect(() => parsePath(path)).toThrow(expect.objectContaining({ code: 'ERR_PATH_INVALID' }))
})

test('document ids have the text form of automerge-repo', () => {
  const url = documentIdToUrl('00'.repeat(16))
  expect(parseDocumentUrl(url)).toBe('00'.repeat(16))
  expect(parseDocumentUrl('automerge:4NMNnkMhL8jXrdJ9jamS58PAVdXu')).toMatch(/^[0-9a-f]{32}$/)
  expect(parseDocumentUrl(`${url.slice(0, -1)}${url.endsWith('x') ? 'y' : 'x'}`)).toBeUndefined()
  expect(parseDocumentUrl('https://example.org')).toBeUndefined()
})
